import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { KubernetesPeerFinder } from '../../../../src/kubernetes.ts'
import { CA, KEY } from '../api-server.ts'
import type { ClusterFixture } from '../cluster-fixture.ts'
import { pod } from '../objects.ts'
import type { FaultRow } from './row.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')

/** A kubeconfig as JSON, which is valid YAML. */
function kubeconfig(
  fixture: ClusterFixture,
  user: object,
  cluster: object = {},
  context: object = {},
): string {
  return JSON.stringify({
    clusters: [
      {
        name: 'c',
        cluster: {
          server: `https://127.0.0.1:${fixture.api.port}/prefix/`,
          'certificate-authority-data': base64(CA),
          ...cluster,
        },
      },
    ],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace: 'depot', ...context } }],
    'current-context': 'x',
  })
}

/** Starts another finder against the same API server, with a `KubeConfig` of the user. */
async function startWith(fixture: ClusterFixture, text: string): Promise<KubernetesPeerFinder> {
  const kubeConfig = new KubeConfig()
  kubeConfig.loadFromString(text)
  const finder = new KubernetesPeerFinder({ labelSelector: 'app=web', kubeConfig, clock: fixture.clock })
  const { peers } = await finder.start(fixture.stop)
  assert.deepEqual(
    peers.map(({ address }) => address),
    ['10.0.0.1'],
  )
  return finder
}

export const credentialRows: readonly FaultRow[] = [
  {
    behaviour: 'sends the ServiceAccount’s token without the line break of its file',
    async run(fixture) {
      await fixture.start()
      assert.equal(fixture.api.calls[0]?.headers.get('authorization'), 'Bearer first-token')
      assert.equal(fixture.api.calls[0]?.headers.get('user-agent'), 'sser')
    },
  },
  ...(
    [
      ['ca.crt', '', 'empty', /ca\.crt holds no certificate: it is empty/],
      ['ca.crt', CA.slice(0, 60), 'cut short', /ca\.crt holds no certificate: its content is something else/],
      ['token', '', 'empty', /token holds no token: it is empty/],
      ['token', 'two\nlines', 'of two lines', /token holds no token: its content is something else/],
      ['namespace', '\n', 'empty', /namespace holds no name of a namespace: it is empty/],
    ] as const
  ).map(
    ([file, text, state, complaint]): FaultRow => ({
      behaviour: `sends nothing while the ServiceAccount’s ${file} is ${state}, names it, and reads it again`,
      async run(fixture) {
        const whole = readFileSync(join(fixture.account.dir, file), 'utf8')
        fixture.account.write(file, text)
        const started = fixture.start()
        await fixture.until('the error about the file', () => fixture.errors.length > 0)
        assert.match(fixture.errors[0] ?? '', complaint)
        assert.equal(fixture.api.connections, 0)
        fixture.account.write(file, whole)
        await fixture.passing(started)
      },
    }),
  ),
  {
    behaviour: 'prefers the kubeconfig of KUBECONFIG to the ServiceAccount, and takes its namespace',
    async run(fixture) {
      const path = join(fixture.account.dir, 'config')
      writeFileSync(path, kubeconfig(fixture, { token: 'of-a-user' }))
      process.env.KUBECONFIG = path
      await fixture.start()
      const [call] = fixture.api.calls
      assert.equal(call?.headers.get('authorization'), 'Bearer of-a-user')
      assert.equal(call?.url.pathname, '/prefix/api/v1/namespaces/depot/pods')
    },
  },
  {
    behaviour: 'reads ~/.kube/config outside of a cluster',
    async run(fixture) {
      delete process.env.KUBERNETES_SERVICE_HOST
      process.env.HOME = fixture.account.dir
      fixture.account.writeHome(kubeconfig(fixture, { token: 'at-home' }, {}, { namespace: undefined }))
      await fixture.start()
      assert.equal(fixture.api.calls[0]?.headers.get('authorization'), 'Bearer at-home')
      assert.equal(fixture.api.calls[0]?.url.pathname, '/prefix/api/v1/namespaces/default/pods')
    },
  },
  {
    behaviour: 'names an unreadable kubeconfig at once',
    async run(fixture) {
      process.env.KUBECONFIG = '/nonexistent/config'
      await assert.rejects(fixture.start(), /The kubeconfig \/nonexistent\/config cannot be read: ENOENT/)
    },
  },
  {
    behaviour: 'prefers the option kubeConfig to every other credential',
    async run(fixture) {
      fixture.api.put(pod('a', '10.0.0.1'))
      process.env.KUBECONFIG = '/nonexistent/config'
      await startWith(fixture, kubeconfig(fixture, { token: 'given' }))
      assert.equal(fixture.api.calls[0]?.headers.get('authorization'), 'Bearer given')
    },
  },
  {
    behaviour: 'sends the client certificate',
    async run(fixture) {
      fixture.api.put(pod('a', '10.0.0.1'))
      const certificate = { 'client-certificate-data': base64(CA), 'client-key-data': base64(KEY) }
      await startWith(fixture, kubeconfig(fixture, certificate))
      assert.equal(fixture.api.calls[0]?.certificate, 'sser test')
      assert.equal(fixture.api.calls[0]?.headers.get('authorization'), undefined)
    },
  },
  {
    behaviour: 'reads a KubeConfig’s token file again for every request',
    async run(fixture) {
      fixture.api.put(pod('a', '10.0.0.1'))
      const tokenFile = join(fixture.account.dir, 'token')
      fixture.api.script((call) => {
        fixture.account.write('token', 'second-token\n')
        call.reply(200, fixture.api.listBody())
      })
      await startWith(
        fixture,
        kubeconfig(fixture, { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } }),
      )
      const watch = await fixture.call(2)
      assert.equal(fixture.api.calls[0]?.headers.get('authorization'), 'Bearer first-token')
      assert.equal(watch.headers.get('authorization'), 'Bearer second-token')
    },
  },
  ...(
    [
      [
        'is not reached by https:',
        { server: 'http://127.0.0.1:1' },
        /needs a server with https: and no proxy-url, got http:/,
      ],
      [
        'is behind a proxy',
        { 'proxy-url': 'http://127.0.0.1:1' },
        /needs a server with https: and no proxy-url/,
      ],
    ] as const
  ).map(
    ([fault, cluster, complaint]): FaultRow => ({
      behaviour: `rejects a cluster that ${fault} at once`,
      async run(fixture) {
        await assert.rejects(startWith(fixture, kubeconfig(fixture, { token: 'x' }, cluster)), complaint)
      },
    }),
  ),
  {
    behaviour: 'rejects a kubeconfig without a current context at once',
    async run(fixture) {
      await assert.rejects(startWith(fixture, '{}'), /has no current context with a cluster/)
    },
  },
]
