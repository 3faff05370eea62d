/** Faults of a client's events: one that never arrived, a duplicate, one after a later one of its Pod, one of another stream. */
export type Fault = 'lost' | 'twice' | 'disordered' | 'stray'

/** Events of one incarnation of one Pod that must have arrived. */
export interface Due {
  incarnation: number
  /** By stream: everything up to this number must be there. */
  promised: readonly number[]
  /** Nothing of it can come any more. */
  isOver: boolean
}

/** An event as it is sent: `number` counts from 1 within its stream and the incarnation of the Pod that sends it. */
export function messageOf(incarnation: number, stream: number, number: number): string {
  return `${incarnation} ${stream} ${number}`
}

/** Numbers remembered that were missed, in case that they come late. */
const MISSED_KEPT = 32

interface Account {
  /** Everything up to here has come, or was found missing. */
  last: number
  /** The latest missing numbers. */
  missed: number[]
  /** The client's gaps that were made allowance for. */
  gaps: number
}

/**
 * The events that one client received, over all its connections: for each stream and incarnation of a Pod only the last
 * number, because the events of an incarnation arrive in the order in which they were sent.
 */
export class Ledger {
  /** Gaps that the client received. */
  gaps = 0
  /** Missing events that a gap announced. */
  told = 0
  readonly #streams: readonly number[]
  readonly #report: (fault: Fault, what: string, count: number) => void
  readonly #accounts = new Map<string, Account>()
  readonly #over = new Set<number>()

  constructor(streams: readonly number[], report: (fault: Fault, what: string, count: number) => void) {
    this.#streams = streams
    this.#report = report
  }

  /** An event came. */
  take(msg: string): void {
    const [incarnation, stream, number] = msg.split(' ').map(Number) as [number, number, number]
    if (!this.#streams.includes(stream)) {
      this.#report('stray', `${msg}, of a stream that it does not listen on`, 1)
      return
    }
    if (this.#over.has(incarnation)) {
      this.#report('twice', `${msg}, long after its Pod was killed`, 1)
      return
    }
    const account = this.#account(incarnation, stream)
    if (number > account.last) {
      if (number > account.last + 1) this.#miss(account, incarnation, stream, number - 1)
      account.last = number
      account.gaps = this.gaps
      return
    }
    const index = account.missed.indexOf(number)
    if (index === -1) {
      this.#report('twice', `${msg}, where ${account.last} was the last`, 1)
      return
    }
    account.missed.splice(index, 1)
    this.#report('disordered', `${msg}, where ${account.last} was the last`, 1)
  }

  /** The client received a gap: events may be missing from here on. */
  takeGap(): void {
    this.gaps += 1
  }

  /** Number of due events that have not arrived, without a gap. */
  lacking(due: readonly Due[]): number {
    let count = 0
    for (const { incarnation, promised } of due) {
      for (const stream of this.#streams) {
        const { last, gaps } = this.#accounts.get(nameOf(incarnation, stream)) ?? { last: 0, gaps: 0 }
        if (gaps === this.gaps) count += Math.max(0, (promised[stream] ?? 0) - last)
      }
    }
    return count
  }

  /** Reports due events that have not arrived; forgets incarnations that are over. */
  judge(due: readonly Due[]): void {
    for (const { incarnation, promised, isOver } of due) {
      for (const stream of this.#streams) {
        const expected = promised[stream] ?? 0
        if (expected > 0) {
          const account = this.#account(incarnation, stream)
          if (expected > account.last) this.#miss(account, incarnation, stream, expected)
          account.last = Math.max(account.last, expected)
        }
        if (isOver) this.#accounts.delete(nameOf(incarnation, stream))
      }
      if (isOver) this.#over.add(incarnation)
    }
  }

  #account(incarnation: number, stream: number): Account {
    const name = nameOf(incarnation, stream)
    let account = this.#accounts.get(name)
    if (account === undefined) {
      account = { last: 0, missed: [], gaps: 0 }
      this.#accounts.set(name, account)
    }
    return account
  }

  /** Everything after the last up to `to` is missing. */
  #miss(account: Account, incarnation: number, stream: number, to: number): void {
    const from = account.last + 1
    if (account.gaps < this.gaps) {
      this.told += to - account.last
      return
    }
    for (let number = Math.max(from, to - MISSED_KEPT + 1); number <= to; number += 1) {
      account.missed.push(number)
    }
    account.missed.splice(0, account.missed.length - MISSED_KEPT)
    const rest = to === from ? '' : ` to ${to}`
    this.#report('lost', `${messageOf(incarnation, stream, from)}${rest}`, to - account.last)
  }
}

function nameOf(incarnation: number, stream: number): string {
  return `${incarnation} ${stream}`
}
