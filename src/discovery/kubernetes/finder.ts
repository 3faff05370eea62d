import { systemClock } from '../../clock.ts'
import { Faults } from '../../telemetry/faults.ts'
import type { FindOptions, PeerFinder, PeerList } from '../finder.ts'
import { type Credentials, findCredentials } from './credentials.ts'
import { Discovery, type KubernetesPeerFinderStatus } from './discovery.ts'
import { endpointSlices } from './endpoint-slices.ts'
import type { Kind } from './kind.ts'
import { type KubernetesPeerFinderOptions, type ResolvedOptions, resolveOptions } from './options.ts'
import { pods } from './pods.ts'

/**
 * Finds the Pods of this workload by watching the Kubernetes API, on Node and on Bun: one list at the start, and
 * from then on only what changes. Once the first list is there, no fault of the API server makes the set of peers
 * smaller; what is wrong is said by {@link KubernetesPeerFinder.status} and to `onError`.
 *
 * The Pod's ServiceAccount needs the verbs `list` and `watch` on `pods`, or on `endpointslices` where a `service` is
 * given. From the downward API it wants `POD_UID` (`metadata.uid`), so that Pods are told apart, and `POD_IP`
 * (`status.podIP`). Without `POD_UID` the Pod looks for itself in the first list, by `POD_NAME`, or else by `POD_IP`;
 * where it does not find itself it refuses nothing that was meant for another.
 *
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
export class KubernetesPeerFinder implements PeerFinder {
  readonly #options: ResolvedOptions
  readonly #kind: Kind
  readonly #faults: Faults
  #discovery: Discovery

  /** @throws SserError `invalid-options`, naming the option and what it wants. */
  constructor(options: KubernetesPeerFinderOptions) {
    this.#options = resolveOptions(options)
    const { labelSelector, onError, service } = this.#options
    this.#kind = service === undefined ? pods(labelSelector as string) : endpointSlices(service)
    this.#faults = new Faults(onError)
    this.#discovery = this.#discover()
  }

  /**
   * Lists the peers, and begins to watch them.
   * @throws SserError `peer-finder-failed`: at once where the Pod may not list them, with the Role that it lacks, and
   * after 30 seconds where the API server cannot be reached; the signal's reason when it aborts.
   */
  async start({ signal, onError }: FindOptions): Promise<PeerList> {
    signal.throwIfAborted()
    this.#discovery = this.#discover(new Faults(onError))
    return this.#discovery.start(signal)
  }

  /** How the search that was started last stands. */
  status(): KubernetesPeerFinderStatus {
    return this.#discovery.status()
  }

  #discover(starterFaults = new Faults()): Discovery {
    const { clock = systemClock, family, port } = this.#options
    const credentials: Credentials = findCredentials(this.#options)
    const faults = this.#faults
    return new Discovery({ kind: this.#kind, credentials, port, family, clock, faults, starterFaults })
  }
}
