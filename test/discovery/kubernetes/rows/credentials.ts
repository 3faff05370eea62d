import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { KubernetesPeerFinder } from '../../../../src/kubernetes.ts'
import { CA, KEY } from '../api-server.ts'
import { pod } from '../objects.ts'
import type { World } from '../world.ts'
import type { FaultRow } from './row.ts'

const base64 = (text: string) => Buffer.from(text).toString('base64')

/** A kubeconfig, which may be JSON as all YAML may. */
function kubeconfig(world: World, user: object, cluster: object = {}, context: object = {}): string {
  return JSON.stringify({
    clusters: [
      {
        name: 'c',
        cluster: {
          server: `https://127.0.0.1:${world.api.port}/prefix/`,
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

/** Starts another finder in this world, with a `KubeConfig` that the user made. */
async function startWith(world: World, text: string): Promise<KubernetesPeerFinder> {
  const kubeConfig = new KubeConfig()
  kubeConfig.loadFromString(text)
  const finder = new KubernetesPeerFinder({ labelSelector: 'app=web', kubeConfig, clock: world.clock })
  const { peers } = await finder.start(world.stop)
  assert.deepEqual(
    peers.map(({ address }) => address),
    ['10.0.0.1'],
  )
  return finder
}

export const credentialRows: readonly FaultRow[] = [
  {
    behaviour: 'the ServiceAccount’s token is sent without the line break that its file ends with',
    async run(world) {
      await world.start()
      assert.equal(world.api.calls[0]?.headers.get('authorization'), 'Bearer first-token')
      assert.equal(world.api.calls[0]?.headers.get('user-agent'), 'sser')
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
    ([file, text, what, complaint]): FaultRow => ({
      behaviour: `the ServiceAccount’s ${file}, where it is ${what}, is named, sends nothing out, and is read again`,
      async run(world) {
        const whole = readFileSync(join(world.account.dir, file), 'utf8')
        world.account.write(file, text)
        const started = world.start()
        await world.until('the file is met', () => world.errors.length > 0)
        assert.match(world.errors[0] ?? '', complaint)
        assert.equal(world.api.connections, 0)
        world.account.write(file, whole)
        await world.passing(started)
      },
    }),
  ),
  {
    behaviour: 'the kubeconfig that KUBECONFIG names goes before the ServiceAccount, and tells the namespace',
    async run(world) {
      const path = join(world.account.dir, 'config')
      writeFileSync(path, kubeconfig(world, { token: 'of-a-user' }))
      process.env.KUBECONFIG = path
      await world.start()
      const [call] = world.api.calls
      assert.equal(call?.headers.get('authorization'), 'Bearer of-a-user')
      assert.equal(call?.url.pathname, '/prefix/api/v1/namespaces/depot/pods')
    },
  },
  {
    behaviour: 'outside of a cluster ~/.kube/config is read',
    async run(world) {
      delete process.env.KUBERNETES_SERVICE_HOST
      process.env.HOME = world.account.dir
      world.account.writeHome(kubeconfig(world, { token: 'at-home' }, {}, { namespace: undefined }))
      await world.start()
      assert.equal(world.api.calls[0]?.headers.get('authorization'), 'Bearer at-home')
      assert.equal(world.api.calls[0]?.url.pathname, '/prefix/api/v1/namespaces/default/pods')
    },
  },
  {
    behaviour: 'a kubeconfig that cannot be read is named at once',
    async run(world) {
      process.env.KUBECONFIG = '/nonexistent/config'
      await assert.rejects(world.start(), /The kubeconfig \/nonexistent\/config cannot be read: ENOENT/)
    },
  },
  {
    behaviour: 'a KubeConfig that is given goes before everything else',
    async run(world) {
      world.api.put(pod('a', '10.0.0.1'))
      process.env.KUBECONFIG = '/nonexistent/config'
      await startWith(world, kubeconfig(world, { token: 'given' }))
      assert.equal(world.api.calls[0]?.headers.get('authorization'), 'Bearer given')
    },
  },
  {
    behaviour: 'a client certificate is shown',
    async run(world) {
      world.api.put(pod('a', '10.0.0.1'))
      const certificate = { 'client-certificate-data': base64(CA), 'client-key-data': base64(KEY) }
      await startWith(world, kubeconfig(world, certificate))
      assert.equal(world.api.calls[0]?.certificate, 'sser test')
      assert.equal(world.api.calls[0]?.headers.get('authorization'), undefined)
    },
  },
  {
    behaviour: 'a token that a KubeConfig has in a file is read anew for every request',
    async run(world) {
      world.api.put(pod('a', '10.0.0.1'))
      const tokenFile = join(world.account.dir, 'token')
      world.api.script((call) => {
        world.account.write('token', 'second-token\n')
        call.reply(200, world.api.listBody())
      })
      await startWith(
        world,
        kubeconfig(world, { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } }),
      )
      const watch = await world.call(2)
      assert.equal(world.api.calls[0]?.headers.get('authorization'), 'Bearer first-token')
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
    ([what, cluster, complaint]): FaultRow => ({
      behaviour: `a cluster that ${what} is refused at once`,
      async run(world) {
        await assert.rejects(startWith(world, kubeconfig(world, { token: 'x' }, cluster)), complaint)
      },
    }),
  ),
  {
    behaviour: 'a kubeconfig without a current context is refused at once',
    async run(world) {
      await assert.rejects(startWith(world, '{}'), /has no current context with a cluster/)
    },
  },
]
