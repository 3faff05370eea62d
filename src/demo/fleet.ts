import { randomBytes } from 'node:crypto'
import type { PodPlan } from './plan.ts'
import { PodProcess, type PodSettings, type PodState } from './pod-process.ts'

/** A Pod, as the page knows it. */
export interface PodView {
  name: string
  /** Address for clients. */
  url: string
  /** Its name in the receipts of other Pods. */
  peer: string
  state: PodState
  reason?: string | undefined
  pid?: number | undefined
}

/** All the Pods of the demo. Dispatches `change` whenever the state of one changes. */
export class Fleet extends EventTarget {
  readonly #pods: readonly PodProcess[]

  constructor(plans: readonly PodPlan[], settings: PodSettings) {
    super()
    const peers = plans.map(peerOf).join(',')
    const peerSecret = randomBytes(32).toString('base64url')
    const onChange = () => void this.dispatchEvent(new Event('change'))
    this.#pods = plans.map((plan) => new PodProcess(plan, { ...settings, peers, peerSecret, onChange }))
  }

  views(): PodView[] {
    return this.#pods.map(({ plan, state, reason, pid }, i) => ({
      name: `Pod ${i + 1}`,
      url: `http://${plan.host}:${plan.port}`,
      peer: peerOf(plan),
      state,
      reason,
      pid,
    }))
  }

  /** The Pod with that number, from 1. */
  pod(number: number): PodProcess | undefined {
    return this.#pods[number - 1]
  }

  /** @throws Error for the first Pod that cannot start. */
  async start(): Promise<void> {
    await Promise.all(this.#pods.map((pod) => pod.start()))
  }

  async stop(): Promise<void> {
    await Promise.all(this.#pods.map((pod) => pod.retire()))
  }
}

function peerOf({ host, internalPort }: PodPlan): string {
  return `${host}:${internalPort}`
}
