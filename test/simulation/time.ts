import { setFlagsFromString } from 'node:v8'

/** Virtual time: a heap of callbacks in order of time; all promises settle between two instants. */
interface Timer {
  at: number
  order: number
  callback: () => void
  isCancelled: boolean
}

export class Time {
  now = 0
  #order = 0
  readonly #heap: Timer[] = []

  after(ms: number, callback: () => void): () => void {
    const timer: Timer = {
      at: this.now + Math.max(0, ms),
      order: this.#order++,
      callback,
      isCancelled: false,
    }
    this.#push(timer)
    return () => {
      timer.isCancelled = true
    }
  }

  /** Advances the time to `until`. */
  async run(until: number): Promise<void> {
    await turn()
    await new Promise<void>((resolve, reject) => {
      // Outside of a microtask, because none can run others.
      setImmediate(() => {
        try {
          this.#advance(until)
          resolve()
        } catch (error) {
          reject(error)
        }
      })
    })
  }

  #advance(until: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= until; next = this.#heap[0]) {
      let ran = false
      this.now = next.at
      while (this.#heap[0] !== undefined && this.#heap[0].at <= this.now) {
        const timer = this.#pop()
        if (timer.isCancelled) continue
        ran = true
        timer.callback()
      }
      if (ran) settle()
    }
    this.now = until
  }

  #push(timer: Timer): void {
    const heap = this.#heap
    let i = heap.push(timer) - 1
    while (i > 0) {
      const parent = (i - 1) >>> 1
      if (!isBefore(timer, heap[parent] as Timer)) break
      heap[i] = heap[parent] as Timer
      i = parent
    }
    heap[i] = timer
  }

  #pop(): Timer {
    const heap = this.#heap
    const top = heap[0] as Timer
    const last = heap.pop() as Timer
    if (heap.length > 0) {
      let i = 0
      for (;;) {
        let child = 2 * i + 1
        if (child >= heap.length) break
        if (child + 1 < heap.length && isBefore(heap[child + 1] as Timer, heap[child] as Timer)) child += 1
        if (!isBefore(heap[child] as Timer, last)) break
        heap[i] = heap[child] as Timer
        i = child
      }
      heap[i] = last
    }
    return top
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/** Resolves in a turn of the event loop of its own, after every promise has settled that needs no time to pass. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

setFlagsFromString('--allow-natives-syntax')
/** Settles every promise that needs no time to pass, without a turn of the event loop, which costs 50 times as much. */
const settle = new Function('%PerformMicrotaskCheckpoint()') as () => void
