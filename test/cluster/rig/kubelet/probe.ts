import { setTimeout as delay } from 'node:timers/promises'
import { request } from 'undici'
import type { ContainerSpec, HttpGet, ProbeSpec } from './objects.ts'

/** Probes a container at an interval, and reports a change of the result that reaches its threshold. */
export class Probe {
  readonly #spec: ProbeSpec
  readonly #url: string
  readonly #onChange: (isOk: boolean) => void
  readonly #stopping = new AbortController()
  #isOk: boolean
  /** Number of consecutive results that contradict `#isOk`. */
  #against = 0

  /** `isOk`: the result that counts until enough probes contradict it. */
  constructor(spec: ProbeSpec, url: string, isOk: boolean, onChange: (isOk: boolean) => void) {
    this.#spec = spec
    this.#url = url
    this.#isOk = isOk
    this.#onChange = onChange
    this.#run().catch(() => {})
  }

  stop(): void {
    this.#stopping.abort()
  }

  /** Rejects when the probe is stopped. */
  async #run(): Promise<void> {
    const { signal } = this.#stopping
    const { initialDelaySeconds = 0, periodSeconds, timeoutSeconds } = this.#spec
    await delay(initialDelaySeconds * 1_000, undefined, { signal })
    for (;;) {
      const isOk = await isAnswered(this.#url, timeoutSeconds * 1_000)
      signal.throwIfAborted()
      this.#count(isOk)
      await delay(periodSeconds * 1_000, undefined, { signal })
    }
  }

  #count(isOk: boolean): void {
    const { successThreshold, failureThreshold } = this.#spec
    this.#against = isOk === this.#isOk ? 0 : this.#against + 1
    if (this.#against < (isOk ? successThreshold : failureThreshold)) return
    this.#isOk = isOk
    this.#against = 0
    this.#onChange(isOk)
  }
}

/** Returns whether a GET gets a response with a status below 400 in time. */
export async function isAnswered(url: string, timeoutMs: number): Promise<boolean> {
  try {
    // Opens a connection for each probe, as the kubelet does.
    const { statusCode, body } = await request(url, { reset: true, signal: AbortSignal.timeout(timeoutMs) })
    await body.dump()
    return statusCode < 400
  } catch {
    return false
  }
}

/** URL of a probe or a hook of a container. The port may be the name of a container port. */
export function urlOf({ port, path = '/' }: HttpGet, container: ContainerSpec, podIP: string): string {
  const named = container.ports?.find(({ name }) => name === port)?.containerPort
  const host = podIP.includes(':') ? `[${podIP}]` : podIP
  return `http://${host}:${named ?? port}${path}`
}
