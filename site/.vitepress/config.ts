import { defineConfig } from 'vitepress'

const link = (text: string, page: string) => ({ text, link: `/${page}` })

export default defineConfig({
  title: 'sser',
  description: 'Server-Sent Events across the Pods of a workload, with no broker.',
  srcDir: 'content',
  cleanUrls: true,
  lastUpdated: false,
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [link('Docs', 'overview'), link('API', 'api/overview'), link('Troubleshooting', 'troubleshooting')],
    sidebar: [
      { items: [link('Start', ''), link('All pages', 'overview')] },
      {
        text: 'Build an app',
        items: [
          link('Notifications for each user', 'notifications'),
          link('Snapshot, then live', 'snapshot'),
          link('Generated output', 'generated-output'),
          link('The end of a stream', 'end-of-stream'),
          link('Typed payloads', 'typed-payloads'),
          link('Authorization', 'authorize'),
          link('Frameworks', 'frameworks'),
          link('Subscriptions in process', 'subscribe'),
          link('Recipes', 'recipes'),
          link('Testing', 'testing'),
          link('In the browser', 'browser'),
          link('One connection for all tabs', 'tabs'),
          link('Clients', 'clients'),
          link('Migrating from Go', 'migrating-from-go'),
        ],
      },
      {
        text: 'Run it',
        items: [
          link('Peer discovery', 'discovery'),
          link('Kubernetes', 'kubernetes'),
          link('Serving', 'serving'),
          link('Stopping and rollouts', 'rollouts'),
          link('Proxies', 'proxies'),
          link('Sizing', 'sizing'),
          link('Observability', 'observability'),
          link('Tracing and logging', 'tracing'),
          link('Attack matrix and limits', 'security'),
          link('Threat model', 'threat-model'),
        ],
      },
      {
        text: 'Mend it',
        items: [
          link('Troubleshooting', 'troubleshooting'),
          link('sser doctor', 'doctor'),
          link('FAQ', 'faq'),
        ],
      },
      {
        text: 'Look it up',
        items: [
          link('Options', 'options'),
          link('Errors', 'errors'),
          link('API', 'api/overview'),
          link('Comparison', 'comparison'),
          link('Glossary', 'glossary'),
          link('Protocol', 'protocol'),
          link('Benchmarks', 'benchmarks'),
          link('The fast path', 'fast-path'),
          link('Contributing', 'contributing'),
        ],
      },
    ],
  },
})
