import * as v from 'valibot'
import type { Clock } from '../../clock.ts'
import { SserError } from '../../errors.ts'
import { checkOptions } from '../../options.ts'
import type { OnError } from '../../telemetry/faults.ts'
import type { Family } from '../family.ts'
import { type KubeConfig, SERVICE_ACCOUNT_DIR } from './credentials.ts'

interface CommonOptions {
  /** The peers' namespace. Default: `POD_NAMESPACE`, then the ServiceAccount's, then the kubeconfig's context's. */
  namespace?: string | undefined
  /** The peers' internal port. Default: this Pod's own. */
  port?: number | undefined
  /** Which address to take of Pods that have both. Default: the family of `POD_IP`, else each Pod's first. */
  family?: Family | undefined
  /**
   * A `KubeConfig` of `@kubernetes/client-node`. Default: the file that `KUBECONFIG` names, then the Pod's own
   * ServiceAccount, then `~/.kube/config`; only the files need that package.
   */
  kubeConfig?: KubeConfig | undefined
  /**
   * The folder with the files `token`, `ca.crt` and `namespace`.
   * Default: `/var/run/secrets/kubernetes.io/serviceaccount`.
   */
  serviceAccountDir?: string | undefined
  /** Hears of every fault, at the stage `peer-finder`. After the first list none of them takes a peer away. */
  onError?: OnError | undefined
  /** Time, timers and chance; for tests. Default: the machine's own. */
  clock?: Clock | undefined
}

/** Finds the Pods that have the labels; for fleets of up to some 200. Needs `list` and `watch` of `pods`. */
export interface PodsOptions extends CommonOptions {
  /** As `kubectl get pods --selector` takes it: `app=web`, `app in (web, admin), !canary`. */
  labelSelector: string
  service?: undefined
}

/**
 * Finds the endpoints of a Service; for larger fleets. Needs `list` and `watch` of `endpointslices`. Let the Service
 * be headless, and have `publishNotReadyAddresses: true`: a Pod that is not ready still has clients.
 */
export interface ServiceOptions extends CommonOptions {
  /** The name of the Service. */
  service: string
  labelSelector?: undefined
}

/** What a {@link KubernetesPeerFinder} can be told. */
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

const isObject = (value: unknown) => typeof value === 'object' && value !== null

const schema = v.strictObject({
  labelSelector: v.optional(v.string()),
  service: v.optional(v.string()),
  namespace: v.optional(v.string()),
  port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))),
  family: v.optional(v.picklist(['IPv4', 'IPv6'])),
  kubeConfig: v.optional(v.custom<KubeConfig>(isObject)),
  serviceAccountDir: v.optional(v.pipe(v.string(), v.nonEmpty()), SERVICE_ACCOUNT_DIR),
  onError: v.optional(v.function() as v.GenericSchema<OnError>),
  clock: v.optional(v.custom<Clock>(isObject)),
})

/** Options that were checked. */
export interface ResolvedOptions extends CommonOptions {
  labelSelector?: string | undefined
  service?: string | undefined
  serviceAccountDir: string
}

/** Checks the options and fills in the defaults; throws `invalid-options`, naming the option and what it wants. */
export function resolveOptions(options: KubernetesPeerFinderOptions): ResolvedOptions {
  const resolved = checkOptions(schema, options)
  const { kubeConfig, labelSelector, namespace, service } = resolved
  if ((labelSelector === undefined) === (service === undefined)) {
    throw refusal('labelSelector', 'expected it or "service", and not both; for example "app=web"')
  }
  if (labelSelector !== undefined && !LABEL_SELECTOR.test(labelSelector)) {
    throw refusal(
      'labelSelector',
      `"${labelSelector}" selects nothing that kubectl --selector would take; try "app=web"`,
    )
  }
  for (const [option, name] of Object.entries({ namespace, service })) {
    if (name !== undefined && !DNS_LABEL.test(name))
      throw refusal(option, `"${name}" cannot be a name in Kubernetes`)
  }
  if (kubeConfig !== undefined && typeof kubeConfig.applyToHTTPSOptions !== 'function') {
    throw refusal('kubeConfig', 'expected a KubeConfig of @kubernetes/client-node')
  }
  return resolved
}

function refusal(option: string, fault: string): SserError {
  return new SserError('invalid-options', `Option "${option}": ${fault}`)
}
