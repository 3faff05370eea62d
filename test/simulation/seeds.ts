import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { installLeanWeb } from './lean-web.ts'
import { type FaultProfile, makePlan, mixVersions, type Plan, withLoops } from './plan.ts'
import { play, type Result } from './playback.ts'
import { addRuns } from './run-plan.ts'

/** The result of one seed, without its trace. */
export interface SeedResult {
  seed: number
  /** The first violation; undefined: every invariant held. */
  violation: string | undefined
  counts: Omit<Result, 'violations' | 'trace'>
}

export interface SeedsOptions {
  from: number
  count: number
  profile: FaultProfile | undefined
  /** Whether the Pods are of several versions. */
  isMixed: boolean
  /** Whether Pods start runs. */
  hasRuns: boolean
  /** Whether about half of the clients are subscriptions in the process of a Pod. */
  hasLoops: boolean
  /** Whether each seed costs a fraction of a normal one. */
  isShort: boolean
  /** Number of seeds that run at the same time, each in a thread. 1: all in this thread. */
  jobs: number
}

/** Runs seeds; yields each result as soon as it is known. */
export async function* runSeeds({ from, count, jobs, ...task }: SeedsOptions): AsyncGenerator<SeedResult> {
  if (jobs <= 1) {
    for (let seed = from; seed < from + count; seed += 1) yield await runSeed({ ...task, seed })
    return
  }
  const threads = Array.from({ length: jobs }, () => new Thread())
  try {
    let next = from
    const running = new Map<Thread, Promise<{ thread: Thread; result: SeedResult }>>()
    const start = (thread: Thread) => {
      if (next === from + count) return running.delete(thread)
      const seed = next++
      return running.set(
        thread,
        thread.run({ ...task, seed }).then((result) => ({ thread, result })),
      )
    }
    threads.forEach(start)
    while (running.size > 0) {
      const { thread, result } = await Promise.race(running.values())
      start(thread)
      yield result
    }
  } finally {
    for (const thread of threads) thread.stop()
  }
}

interface Task extends Pick<SeedsOptions, 'profile' | 'isMixed' | 'hasRuns' | 'hasLoops' | 'isShort'> {
  seed: number
}

export function planOf({ seed, profile, isMixed, hasRuns, hasLoops, isShort }: Task): Plan {
  let plan = makePlan(seed, profile, isShort)
  if (hasRuns) plan = addRuns(plan)
  if (hasLoops) plan = withLoops(plan)
  return isMixed ? mixVersions(plan) : plan
}

async function runSeed(task: Task): Promise<SeedResult> {
  const { violations, trace: _, ...counts } = await play(planOf(task), { isTraced: false })
  return { seed: task.seed, violation: violations[0], counts }
}

/** A thread that runs one seed after another. */
class Thread {
  readonly #worker = new Worker(new URL(import.meta.url), {
    resourceLimits: { maxYoungGenerationSizeMb: 64 },
  })

  run(task: Task): Promise<SeedResult> {
    return new Promise((resolve, reject) => {
      const fail = (error: unknown) =>
        reject(new Error(`seed ${task.seed} ended its thread`, { cause: error }))
      this.#worker.once('error', fail)
      this.#worker.once('message', (result: SeedResult) => {
        this.#worker.off('error', fail)
        resolve(result)
      })
      this.#worker.postMessage(task)
    })
  }

  stop(): void {
    void this.#worker.terminate()
  }
}

if (!isMainThread) {
  installLeanWeb()
  parentPort?.on('message', async (task: Task) => parentPort?.postMessage(await runSeed(task)))
}
