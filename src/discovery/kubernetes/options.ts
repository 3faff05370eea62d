import * as v from 'valibot'
import type { Clock } from '../../clock.ts'
import { SserError } from '../../errors.ts'
import type { OnError } from '../../telemetry/error-reporter.ts'
import { checkOptions } from '../../validation.ts'
import type { Family } from '../address.ts'
import { commonOptions, isObject, text } from '../option-schemas.ts'
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
