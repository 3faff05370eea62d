import type { Seen } from './crowd.ts'
import type { Vitals } from './pod.ts'
import type { RunCounts } from './runs.ts'
import { rise } from './trend.ts'

type Pod1 = Vitals & { fds: number }

/** Figures at the end of a minute. All but `pod1` are totals since the start; `load` in cores. */
export interface Row {
  minute: number
  pod1: Pod1
  seen: Seen
  sent: number
  everywhere: number
  unpromised: number
  skipped: number
  kills: number
  runs: RunCounts
  load: { pods: number; clients: number; driver: number }
}

/** Over the second half of the soak, memory may rise by so much of itself. */
const RISE_MAX = 0.05
/** Fewer minutes say nothing: the log and the code's own warming up take the first ones. */
const HALF_MIN = 20

/** The report of the soak, minute by minute and at the end, with the broken promises. */
export class Report {
  readonly errors: string[] = []
  readonly #rows: Row[] = []
  #seen: Seen | undefined

  fault(what: string): void {
    this.errors.push(what)
  }

  add(row: Row): void {
    this.#rows.push(row)
    console.log(lineOf(row))
  }

  /** Adds the final counts of the clients. */
  judge(seen: Seen): void {
    this.#seen = seen
    for (const kind of ['lost', 'twice', 'disordered', 'stray', 'gaps'] as const) {
      if (seen[kind] > 0) this.fault(`${seen[kind]} ${kind}`)
    }
    for (const example of seen.examples) this.fault(example)
  }

  /** Resources of which a Pod has more than before. */
  leftovers(before: Pod1, now: Pod1): string[] {
    const counts = ({ connections, timers, fds, resources }: Pod1) => ({
      connections,
      timers,
      fds,
      ...resources,
    })
    const had: Record<string, number> = counts(before)
    return Object.entries(counts(now))
      .filter(([name, count]) => count > (had[name] ?? 0))
      .map(([name, count]) => `${count} ${name}, where it had ${had[name] ?? 0}`)
  }

  summary(): string {
    const last = this.#rows.at(-1)
    if (last === undefined) return 'nothing was measured'
    const { load, sent, everywhere, unpromised, skipped, kills, pod1, runs } = last
    // That a killed Pod cannot be reached is no fault of the others; that something is not delivered is.
    if (pod1.errors.deliver !== undefined) this.fault(`Pod 1 failed ${pod1.errors.deliver} times to deliver`)
    const { events, resumes, gaps, lost, twice, disordered } = this.#seen ?? last.seen
    const { pods, clients, driver } = load
    return [
      `${last.minute} minutes, ${kills} Pods killed: ${sent} events sent (${everywhere} everywhere by their receipt, ${unpromised} not promised, ${skipped} skipped), ${events} received`,
      `${resumes} times a client went on where it was: ${lost} lost, ${twice} twice, ${disordered} out of order, ${gaps} gaps told`,
      lineOfRuns(runs),
      this.#memory(),
      `Pod 1's background errors: ${JSON.stringify(pod1.errors)}`,
      `CPU, in cores: Pods ${pods.toFixed(2)}, clients ${clients.toFixed(2)}, driver ${driver.toFixed(2)}`,
    ].join('\n')
  }

  /** Judges the memory of the second half, if that is long enough. */
  #memory(): string {
    const half = this.#rows.slice(Math.floor(this.#rows.length / 2))
    const parts = (['rss', 'malloc', 'heapUsed'] as const).map((name) => {
      const values = half.map(({ pod1 }) => pod1[name])
      const percent = 100 * rise(values)
      if (half.length >= HALF_MIN && percent > 100 * RISE_MAX) {
        this.fault(`${name} of Pod 1 rose by ${percent.toFixed(1)} % over the second half`)
      }
      return `${name} ${megabytes(Math.min(...values))} to ${megabytes(Math.max(...values))} MB, its line rises by ${percent.toFixed(1)} %`
    })
    const verdict = half.length < HALF_MIN ? ' (too short to judge)' : ''
    return `Pod 1 over the second half: ${parts.join('; ')}${verdict}`
  }
}

function lineOf({ minute, pod1, seen, sent, unpromised, skipped, kills, runs, load }: Row): string {
  const { rss, malloc, heapUsed, heapTotal, external, logBytes, connections, fds, timers, resources } = pod1
  const handles = Object.entries(resources).map(([name, count]) => `${name} ${count}`)
  const cores = Object.entries(load).map(([name, share]) => `${name} ${share.toFixed(2)}`)
  return [
    `minute ${minute}`,
    `Pod 1: rss ${megabytes(rss)} MB, malloc ${megabytes(malloc)}, heap ${megabytes(heapUsed)} of ${megabytes(heapTotal)}, external ${megabytes(external)}, log ${megabytes(logBytes)}, ${connections} connections, ${fds} fds, ${timers} timers, ${handles.join(', ')}`,
    `${sent} sent, ${seen.events} received, ${seen.resumes} resumes, ${seen.cuts} cuts, ${kills} kills, ${unpromised} unpromised, ${skipped + seen.skipped} skipped`,
    `lost ${seen.lost}, twice ${seen.twice}, disordered ${seen.disordered}, stray ${seen.stray}, gaps ${seen.gaps}`,
    lineOfRuns(runs),
    `cores: ${cores.join(', ')}`,
  ].join(' | ')
}

function lineOfRuns({ ends, open, connections, gaps }: RunCounts): string {
  const states = Object.entries(ends).map(([state, count]) => `${count} ${state}`)
  return `runs: ${[...states, `${open} open`].join(', ')}, over ${connections} connections, ${gaps} gaps`
}

function megabytes(bytes: number): string {
  return (bytes / 1_048_576).toFixed(1)
}
