import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../../support/until.ts'
import { Api } from './api.ts'
import { type KeyPair, makeAuthority, makeCertificate, makeSigningKeys } from './certificates.ts'
import { Daemon } from './daemon.ts'
import type { Namespace } from './namespace.ts'
import type { Network } from './network.ts'
import { rigFolder } from './programs.ts'

/** An explicit list, because controllers that only a cloud needs must stay off. */
const controllers = [
  'deployment-controller',
  'replicaset-controller',
  'statefulset-controller',
  'endpointslice-controller',
  'garbage-collector-controller',
  'pod-garbage-collector-controller',
  'disruption-controller',
  'serviceaccount-controller',
  'root-ca-certificate-publisher-controller',
  'namespace-controller',
  'node-lifecycle-controller',
  'taint-eviction-controller',
]

/** Logs one line for each request of a Pod, and none for other clients. */
const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['ResponseStarted', 'ResponseComplete'],
  rules: [{ level: 'Metadata', userGroups: ['system:serviceaccounts'] }, { level: 'None' }],
}

/** etcd, apiserver, scheduler and controller manager, in one network namespace. */
export class ControlPlane {
  readonly api: Api
  readonly namespace: Namespace
  readonly port = 6443
  /** Path of the kubeconfig of kubectl: the address of the apiserver, and a token of an administrator. */
  readonly kubeconfig: string
  readonly #folder: string
  /** Two CAs, so that one can replace the other. The rig's own clients trust both. */
  readonly #authorities: readonly [KeyPair, KeyPair]
  #authority: KeyPair
  readonly #etcd: Daemon
  readonly #apiServer: Daemon
  readonly #managers: readonly Daemon[]

  private constructor(namespace: Namespace, folder: string, authorities: readonly [KeyPair, KeyPair]) {
    this.namespace = namespace
    this.#folder = folder
    this.#authorities = authorities
    this.#authority = authorities[0]
    const token = randomUUID()
    const url = `https://${namespace.ipv4}:${this.port}`
    const ca = authorities.map(({ certificate }) => readFileSync(certificate, 'utf8')).join('')
    this.api = new Api(url, token, ca)
    this.kubeconfig = this.#write('kubeconfig.json', JSON.stringify(kubeconfigOf(url, token, ca)))
    this.#write('tokens.csv', `${token},admin,1,"system:masters"\n`)
    this.#write('audit-policy.json', JSON.stringify(auditPolicy))
    makeSigningKeys(folder, 'service-account')
    this.#etcd = new Daemon(namespace, 'etcd', folder, () => this.#etcdArgs())
    this.#apiServer = new Daemon(namespace, 'kube-apiserver', folder, () => this.#apiServerArgs())
    const common = [`--kubeconfig=${this.kubeconfig}`, '--leader-elect=false', '--secure-port=0']
    this.#managers = [
      new Daemon(namespace, 'kube-scheduler', folder, () => common),
      new Daemon(namespace, 'kube-controller-manager', folder, () => [...common, ...this.#managerArgs()]),
    ]
  }

  static async start(network: Network): Promise<ControlPlane> {
    const folder = join(rigFolder, 'run')
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    const namespace = await network.join(0, 2)
    const authorities = await Promise.all([makeAuthority(folder, 'ca-1'), makeAuthority(folder, 'ca-2')])
    const controlPlane = new ControlPlane(namespace, folder, authorities)
    controlPlane.#etcd.start()
    await controlPlane.startApi()
    return controlPlane
  }

  /** PEM of the CA of the apiserver's current certificate. */
  get ca(): string {
    return readFileSync(this.#authority.certificate, 'utf8')
  }

  /** Path of the log of the requests of Pods to the apiserver: one line of JSON each. */
  get auditLog(): string {
    return join(this.#folder, 'audit.log')
  }

  /** Starts the apiserver at its former address, then the scheduler and the controller manager. */
  async startApi(): Promise<void> {
    const addresses = [this.namespace.ipv4, this.namespace.ipv6, '127.0.0.1']
    await makeCertificate(this.#folder, 'apiserver', this.#authority, addresses)
    this.#apiServer.start()
    const isReady = async () => {
      this.#etcd.mustRun()
      this.#apiServer.mustRun()
      return this.api.get('/readyz').then(
        () => true,
        () => false,
      )
    }
    await until('the apiserver is ready', isReady)
    for (const manager of this.#managers) manager.start()
  }

  /**
   * Kills the apiserver, and with it the scheduler and the controller manager, because in a real cluster they would
   * lose their leases and exit, and the kubelet of their machine would restart them.
   */
  async stopApi(): Promise<void> {
    await Promise.all([this.#apiServer, ...this.#managers].map((daemon) => daemon.end('SIGKILL')))
  }

  /** Compacts the whole history of etcd, so that no watch can continue from an earlier resource version. */
  async compact(): Promise<void> {
    const { header } = (await this.#askEtcd('range', { key: btoa('any') })) as {
      header: { revision: string }
    }
    await this.#askEtcd('compaction', { revision: header.revision, physical: true })
  }

  /** Switches the CA: after its next start, the apiserver has a certificate of the other one. */
  replaceAuthority(): void {
    const [one, other] = this.#authorities
    this.#authority = this.#authority === one ? other : one
  }

  async stop(): Promise<void> {
    await this.api.close()
    await this.stopApi()
    await this.#etcd.end('SIGKILL')
  }

  #etcdArgs(): string[] {
    const url = `http://${this.namespace.ipv4}:2379`
    return [
      `--data-dir=${join(this.#folder, 'etcd')}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      '--listen-peer-urls=http://127.0.0.1:0',
      '--unsafe-no-fsync',
    ]
  }

  #apiServerArgs(): string[] {
    const file = (name: string) => join(this.#folder, name)
    return [
      `--etcd-servers=http://${this.namespace.ipv4}:2379`,
      '--bind-address=::',
      `--advertise-address=${this.namespace.ipv4}`,
      `--secure-port=${this.port}`,
      `--cert-dir=${this.#folder}`,
      `--tls-cert-file=${file('apiserver.crt')}`,
      `--tls-private-key-file=${file('apiserver.key')}`,
      `--token-auth-file=${file('tokens.csv')}`,
      '--authorization-mode=RBAC',
      '--service-cluster-ip-range=10.245.0.0/24,fd00:245::/112',
      `--service-account-issuer=${this.api.url}`,
      `--service-account-key-file=${file('service-account.pub')}`,
      `--service-account-signing-key-file=${file('service-account.key')}`,
      `--audit-policy-file=${file('audit-policy.json')}`,
      `--audit-log-path=${this.auditLog}`,
      // In seconds. The default of Kubernetes is 300.
      '--default-not-ready-toleration-seconds=5',
      '--default-unreachable-toleration-seconds=5',
    ]
  }

  #managerArgs(): string[] {
    return [
      `--controllers=${controllers.join()}`,
      `--root-ca-file=${this.#authority.certificate}`,
      // The defaults of Kubernetes are 5 s and 50 s.
      '--node-monitor-period=1s',
      '--node-monitor-grace-period=10s',
    ]
  }

  /** Sends a request to the JSON gateway of etcd, over HTTP. */
  async #askEtcd(call: string, body: unknown): Promise<unknown> {
    const url = `http://${this.namespace.ipv4}:2379/v3/kv/${call}`
    const response = await fetch(url, { method: 'POST', body: JSON.stringify(body) })
    if (!response.ok) throw new Error(`etcd: ${call}: ${response.status} ${await response.text()}`)
    return response.json()
  }

  #write(name: string, text: string): string {
    const path = join(this.#folder, name)
    writeFileSync(path, text)
    return path
  }
}

function kubeconfigOf(server: string, token: string, ca: string): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'rig',
    contexts: [{ name: 'rig', context: { cluster: 'rig', user: 'admin' } }],
    clusters: [{ name: 'rig', cluster: { server, 'certificate-authority-data': btoa(ca) } }],
    users: [{ name: 'admin', user: { token } }],
  }
}
