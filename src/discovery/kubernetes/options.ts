import * as v from 'valibot'
import type { Clock } from '../../clock.ts'
import { SserError } from '../../errors.ts'
import { checkOptions } from '../../options.ts'
import type { OnError } from '../../telemetry/error-reporter.ts'
import type { Family } from '../address.ts'
import { checkIsOptions } from '../peer-finder.ts'
import { type KubeConfig, SERVICE_ACCOUNT_DIR } from './credentials.ts'

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
  const { kubeConfig, labelSelector, namespace, service } = resolved
  if ((labelSelector === undefined) === (service === undefined)) {
    throw invalid(
      'labelSelector',
      'expected either this option or "service", and not both; for example "app=web"',
    )
  }
  if (labelSelector !== undefined && !LABEL_SELECTOR.test(labelSelector)) {
    throw invalid(
      'labelSelector',
      `"${labelSelector}" is not in the syntax of kubectl --selector; expected one such as "app=web"`,
    )
  }
  for (const [option, name] of Object.entries({ namespace, service })) {
    if (name !== undefined && !DNS_LABEL.test(name))
      throw invalid(option, `"${name}" cannot be a name in Kubernetes; expected up to 63 of a-z, 0-9 and "-"`)
  }
  if (kubeConfig !== undefined && typeof kubeConfig.applyToHTTPSOptions !== 'function') {
    throw invalid('kubeConfig', 'expected a KubeConfig of @kubernetes/client-node')
  }
  return resolved
}

function invalid(option: string, message: string): SserError {
  return new SserError('invalid-options', `Option "${option}": ${message}`)
}
