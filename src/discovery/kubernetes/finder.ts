import * as v from 'valibot'
import { type Clock, systemClock } from '../../clock.ts'
import { SserError } from '../../errors.ts'
import { ErrorReporter, type OnError } from '../../telemetry/error-reporter.ts'
import { checkOptions } from '../../validation.ts'
import type { Family } from '../address.ts'
import { commonOptions, isObject, text } from '../option-schemas.ts'
import { checkIsOptions, type FindOptions, type PeerFinder, type PeerList } from '../peer-finder.ts'
import { type Credentials, findCredentials, type KubeConfig, SERVICE_ACCOUNT_DIR } from './credentials.ts'
import { endpointSlices } from './endpoint-slices.ts'
import type { PeerSource } from './peer-source.ts'
import { type KubernetesPeerFinderStatus, PeerWatch } from './peer-watch.ts'
import { pods } from './pods.ts'

interface CommonOptions {
  /** Namespace of the peers. @default `POD_NAMESPACE`, else that of the ServiceAccount or of the kubeconfig's context */
  namespace?: string | undefined
  /** Internal port of the peers. @default this Pod's own */
  port?: number | undefined
  /** IP family to use for Pods that have both. @default the family of `POD_IP`, else the first address of each Pod */
  family?: Family | undefined
  /**
   * A `KubeConfig` of `@kubernetes/client-node`. Only a kubeconfig file needs that package.
   * @default the file that `KUBECONFIG` names, else the Pod's ServiceAccount, else `~/.kube/config`
   */
  kubeConfig?: KubeConfig | undefined
  /**
   * Folder with the files `token`, `ca.crt` and `namespace`.
   * @default '/var/run/secrets/kubernetes.io/serviceaccount'
   */
  serviceAccountDir?: string | undefined
  /** Receives every fault, with the stage `peer-finder`. After the first list no fault removes a peer. */
  onError?: OnError | undefined
  /** Time, timers and random numbers, for tests. @default the machine's own */
  clock?: Clock | undefined
}

/** Finds the Pods with these labels, for fleets of up to some 200. Needs the verbs `list` and `watch` on `pods`. */
export interface PodsOptions extends CommonOptions {
  /** Label selector in the syntax of `kubectl get pods --selector`: `app=web`, `app in (web, admin), !canary`. */
  labelSelector: string
  service?: undefined
}

/**
 * Finds the endpoints of a Service, for larger fleets. Needs the verbs `list` and `watch` on `endpointslices`. Use a
 * headless Service with `publishNotReadyAddresses: true`, because a Pod that is not ready still has clients.
 */
export interface ServiceOptions extends CommonOptions {
  /** Name of the Service. */
  service: string
  labelSelector?: undefined
}

/** Options of a {@link KubernetesPeerFinder}. */
export type KubernetesPeerFinderOptions = PodsOptions | ServiceOptions

const NAME = '[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?'
const KEY = `(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?/)?${NAME}`
const VALUE = `(?:${NAME})?`
const REQUIREMENT = [
  `!?\\s*${KEY}`,
  `${KEY}\\s*(?:==?|!=)\\s*${VALUE}`,
  `${KEY}\\s*[<>]\\s*\\d+`,
  `${KEY}\\s+(?:in|notin)\\s*\\(\\s*${VALUE}(?:\\s*,\\s*${VALUE})*\\s*\\)`,
].join('|')

/** @see https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors */
const LABEL_SELECTOR = new RegExp(`^\\s*(?:${REQUIREMENT})\\s*(?:,\\s*(?:${REQUIREMENT})\\s*)*$`)
/** @see https://kubernetes.io/docs/concepts/overview/working-with-objects/names/#dns-label-names */
const DNS_LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

const schema = v.strictObject({
  ...commonOptions,
  labelSelector: v.optional(matching(LABEL_SELECTOR, 'the syntax of kubectl --selector, such as "app=web"')),
  service: v.optional(matching(DNS_LABEL, 'the name of a Service, of up to 63 of a-z, 0-9 and "-"')),
  namespace: v.optional(matching(DNS_LABEL, 'the name of a namespace, of up to 63 of a-z, 0-9 and "-"')),
  kubeConfig: v.optional(v.custom<KubeConfig>(isKubeConfig, 'a KubeConfig of @kubernetes/client-node')),
  serviceAccountDir: v.optional(text('the path of a folder'), SERVICE_ACCOUNT_DIR),
})

/** Validated options with their defaults. */
export interface ResolvedOptions extends CommonOptions {
  labelSelector?: string | undefined
  service?: string | undefined
  serviceAccountDir: string
}

/** Validates the options and fills in the defaults. @throws SserError `invalid-options`, with the option and the fix. */
export function resolveOptions(options: KubernetesPeerFinderOptions): ResolvedOptions {
  checkIsOptions('KubernetesPeerFinder', options, "{ labelSelector: 'app=web' }")
  const resolved = checkOptions(schema, options)
  const { labelSelector, service } = resolved
  if ((labelSelector === undefined) === (service === undefined)) {
    const received = labelSelector === undefined ? 'neither' : 'both'
    throw new SserError(
      'invalid-options',
      `Option "labelSelector": expected either this option or "service", and not both, got ${received}; for example "app=web"`,
    )
  }
  return resolved
}

function matching(pattern: RegExp, expected: string): v.GenericSchema<string> {
  return v.custom<string>((value) => typeof value === 'string' && pattern.test(value), expected)
}

function isKubeConfig(value: unknown): boolean {
  return isObject(value) && typeof (value as KubeConfig).applyToHTTPSOptions === 'function'
}

/**
 * Finds the Pods of this workload by watching the Kubernetes API, on Node and on Bun: it lists them once, and then
 * receives only changes. After the first list, no API server error removes a peer; {@link KubernetesPeerFinder.status}
 * and `onError` report such errors.
 *
 * The Pod's ServiceAccount needs the verbs `list` and `watch` on `pods`, or on `endpointslices` with the option `service`.
 * Set `POD_UID` (`metadata.uid`) and `POD_IP` (`status.podIP`) from the downward API. Without `POD_UID` the finder looks
 * for this Pod in the first list, by `POD_NAME`, or else by `POD_IP`; if it finds none, this Pod accepts requests that are
 * meant for a former owner of its address.
 *
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
export class KubernetesPeerFinder implements PeerFinder {
  readonly #options: ResolvedOptions
  readonly #source: PeerSource
  readonly #errors: ErrorReporter
  #watch: PeerWatch

  /** @throws SserError `invalid-options`, with the option, the expected value and the received one. */
  constructor(options: KubernetesPeerFinderOptions) {
    this.#options = resolveOptions(options)
    const { labelSelector, onError, service } = this.#options
    this.#source = service === undefined ? pods(labelSelector as string) : endpointSlices(service)
    this.#errors = new ErrorReporter(onError)
    this.#watch = this.#newWatch()
  }

  /**
   * Lists the peers, and starts to watch them.
   * @throws SserError `peer-finder-failed`: at once if the Pod may not list them, with the missing Role, and after 30
   * seconds if the API server cannot be reached; the signal's reason if it aborts.
   */
  async start({ signal, onError }: FindOptions): Promise<PeerList> {
    signal.throwIfAborted()
    this.#watch = this.#newWatch(new ErrorReporter(onError))
    return this.#watch.start(signal)
  }

  /** Status of the watch that was started last. */
  status(): KubernetesPeerFinderStatus {
    return this.#watch.status()
  }

  #newWatch(callerErrors = new ErrorReporter()): PeerWatch {
    const { clock = systemClock, family, port } = this.#options
    const credentials: Credentials = findCredentials(this.#options)
    const errors = this.#errors
    return new PeerWatch({ source: this.#source, credentials, port, family, clock, errors, callerErrors })
  }
}
