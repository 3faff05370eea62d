import { setTimeout as delay } from 'node:timers/promises'
import { type Api, ApiError } from '../api.ts'
import type { Addresses, Condition, ContainerStatus, Pod, PodStatus } from './objects.ts'

const AGAIN_MS = 200

/** State of a Pod, as seen by its node. */
export interface State {
  addresses: Addresses
  phase: PodStatus['phase']
  containers: ContainerStatus[]
}

/** Reports the status of a Pod to the apiserver after every change, and retries until that succeeds. */
export class Report {
  readonly #api: Api
  readonly #pod: Pod
  readonly #look: () => State
  readonly #startTime = new Date().toISOString()
  readonly #stopping = new AbortController()
  #conditions: Condition[] = []
  #isDirty = false
  #sending: Promise<void> | undefined

  constructor(api: Api, pod: Pod, look: () => State) {
    this.#api = api
    this.#pod = pod
    this.#look = look
  }

  /** Resolves when the apiserver has the current status. */
  update(): Promise<void> {
    this.#isDirty = true
    this.#sending ??= this.#send().finally(() => {
      this.#sending = undefined
    })
    return this.#sending
  }

  /** Returns whether the apiserver has the reported status. The node controller, for example, may change it. */
  agreesWith({ phase, conditions = [] }: PodStatus): boolean {
    const own = this.#status()
    const isSame = ({ type, status }: Condition) =>
      conditions.some((condition) => condition.type === type && condition.status === status)
    return phase === own.phase && own.conditions.every(isSame)
  }

  stop(): void {
    this.#stopping.abort()
  }

  async #send(): Promise<void> {
    const { namespace, name, uid } = this.#pod.metadata
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/status`
    while (this.#isDirty) {
      this.#isDirty = false
      const patch = () => this.#api.patch(path, { metadata: { uid }, status: this.#status() })
      await persistently(patch, this.#stopping.signal)
    }
  }

  #status() {
    const { addresses, phase, containers } = this.#look()
    const isReady = containers.length > 0 && containers.every(({ ready }) => ready)
    return {
      phase,
      startTime: this.#startTime,
      ...addresses,
      conditions: [
        this.#condition('PodReadyToStartContainers', addresses.podIP !== undefined),
        this.#condition('Initialized', true),
        this.#condition('ContainersReady', isReady),
        this.#condition('Ready', isReady),
      ],
      containerStatuses: containers,
    }
  }

  /** Builds a condition, which keeps the time of its last change. */
  #condition(type: string, isTrue: boolean): Condition {
    const status = isTrue ? 'True' : 'False'
    const former = this.#conditions.find((condition) => condition.type === type)
    if (former?.status === status) return former
    const condition: Condition = { type, status, lastTransitionTime: new Date().toISOString() }
    this.#conditions = [...this.#conditions.filter((other) => other !== former), condition]
    return condition
  }
}

/**
 * Retries until the attempt succeeds or the object no longer exists, because a node survives outages of the apiserver.
 */
export async function persistently<T>(
  attempt: () => Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  while (!signal.aborted) {
    try {
      return await attempt()
    } catch (error) {
      if (error instanceof ApiError && [404, 409].includes(error.status)) return undefined
      await delay(AGAIN_MS)
    }
  }
  return undefined
}
