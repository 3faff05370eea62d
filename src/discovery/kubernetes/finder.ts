import { systemClock } from '../../clock.ts'
import { ErrorReporter } from '../../telemetry/error-reporter.ts'
import type { FindOptions, PeerFinder, PeerList } from '../peer-finder.ts'
import { type Credentials, findCredentials } from './credentials.ts'
import { endpointSlices } from './endpoint-slices.ts'
import { type KubernetesPeerFinderOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import type { PeerSource } from './peer-source.ts'
import { type KubernetesPeerFinderStatus, PeerWatch } from './peer-watch.ts'
import { pods } from './pods.ts'

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
