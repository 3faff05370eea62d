import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { find, type Manifest, manifestsIn, readExample } from './support/manifests.ts'

type WithSpec = Manifest & { spec: unknown }

test('docs/proxies.md names only settings that the files have', () => {
  const page = readFileSync(new URL('../docs/proxies.md', import.meta.url), 'utf8')
  let file = ''
  let count = 0
  for (const [, proxy = '', settings = ''] of page.matchAll(/^\|([^|]*)\|([^|]*`[^|]*)\|[^|]*\|$/gm)) {
    const link = /\(\.\.\/(examples\/proxies\/[^)]+)\)/.exec(proxy)?.[1]
    if (link !== undefined) file = readFileSync(new URL(`../${link}`, import.meta.url), 'utf8')
    for (const [, setting] of settings.matchAll(/`([^`]+)`/g)) {
      expect(file).toContain(setting)
      count += 1
    }
  }
  expect(count).toBeGreaterThan(20)
})

describe('the settings for a Pod that crashed', () => {
  const parsed = (path: string) =>
    parse(readFileSync(new URL(`../examples/proxies/${path}`, import.meta.url), 'utf8'))

  test('are the same in the overlay of Traefik as in the file that was tried', () => {
    const tried = parsed('traefik-dynamic.yaml').http
    const overlay = manifestsIn('edge/traefik/')
    const { spec } = find<WithSpec>(overlay, 'Middleware', 'web-retry')
    expect(spec).toEqual(tried.middlewares.again)
    const transport = find<WithSpec>(overlay, 'ServersTransport')
    expect(transport.spec).toEqual(tried.serversTransports.web)
    const ingress = readExample('edge/traefik/ingress.yaml')
    expect(ingress).toContain('router.middlewares: web-web-retry@kubernetescrd')
    expect(readExample('edge/traefik/service.yaml')).toContain('serverstransport: web-web@kubernetescrd')
  })

  test('are the same in the overlay of Envoy Gateway as in the file that was tried', () => {
    const { listeners, clusters } = parsed('envoy.yaml').static_resources
    const { routes } = listeners[0].filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0]
    const { retry_on, num_retries } = routes[0].route.retry_policy
    const [cluster] = clusters
    const [breakers] = cluster.circuit_breakers.thresholds
    const [http] = Object.values<{ common_http_protocol_options: { idle_timeout: string } }>(
      cluster.typed_extension_protocol_options,
    )
    const { spec } = find<WithSpec>(manifestsIn('edge/envoy-gateway/'), 'BackendTrafficPolicy')
    expect(spec).toMatchObject({
      retry: { numRetries: num_retries, retryOn: { triggers: retry_on.split(',') } },
      timeout: {
        tcp: { connectTimeout: cluster.connect_timeout },
        http: { connectionIdleTimeout: http?.common_http_protocol_options.idle_timeout },
      },
      circuitBreaker: {
        maxConnections: breakers.max_connections,
        maxPendingRequests: breakers.max_pending_requests,
        maxParallelRequests: breakers.max_requests,
        maxParallelRetries: breakers.max_retries,
      },
    })
  })
})
