import { randomUUID } from 'node:crypto'
import { QUERY_PARAMETER_NAME } from '../wire/v1.ts'
import { type Asked, ask } from './ask.ts'
import { Listening } from './listening.ts'

/** Whom to ask, and how. */
export interface Patient {
  url: URL
  /** Of the user, beside the doctor's own. */
  headers: Readonly<Record<string, string>>
  /** Takes any certificate. */
  insecure: boolean
  /** What comes later than this is late, in milliseconds. */
  patienceMs: number
}

/** No Pod has given this id: who reads it tells a gap. */
const UNREADABLE_ID = 'sser-doctor'
const ENCODINGS = 'gzip, deflate, br, zstd'
const STREAM = 'sser-doctor'

/** What to ask for in place of `url`, so that sser answers it with an event stream. */
export function withStream(url: URL): URL {
  const whole = new URL(url)
  if (!whole.searchParams.has(QUERY_PARAMETER_NAME)) whole.searchParams.set(QUERY_PARAMETER_NAME, STREAM)
  whole.hash = ''
  return whole
}

export interface Manner {
  /** With an id that no Pod can read. */
  resumes?: boolean
  /** Without offering to decompress. */
  isPlain?: boolean
  /** Under a URL of which no cache knows. */
  isFresh?: boolean
  method?: 'GET' | 'HEAD'
}

/** One request, and what becomes of it. */
export class Visit {
  readonly asked: Asked
  listening: Listening | undefined
  /** Why there is no head, and will be none. */
  fault: Error | undefined
  readonly #head: Promise<void>

  private constructor(asked: Asked) {
    this.asked = asked
    this.#head = asked.answer.then(
      (answer) => {
        this.listening = new Listening(answer, asked.askedAt)
      },
      (error: Error) => {
        this.fault = error
      },
    )
  }

  /** Asks as a browser's `EventSource` does. @throws NoLine */
  static async begin({ url, headers, insecure }: Patient, manner: Manner = {}): Promise<Visit> {
    const target = new URL(url)
    if (manner.isFresh) target.searchParams.set('sser-doctor', randomUUID())
    const question = {
      url: target,
      insecure,
      method: manner.method ?? 'GET',
      headers: {
        accept: 'text/event-stream',
        'accept-encoding': manner.isPlain ? 'identity' : ENCODINGS,
        'cache-control': 'no-cache',
        'user-agent': 'sser-doctor',
        ...(manner.resumes && { 'last-event-id': UNREADABLE_ID }),
        ...headers,
      },
    }
    return new Visit(await ask(question))
  }

  /** Whether there is a head, or will be none, within `ms`. */
  async head(ms: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, ms)
    })
    await Promise.race([this.#head, late])
    clearTimeout(timer)
    return this.listening !== undefined || this.fault !== undefined
  }

  /** Whether the server has greeted within `ms`, head and all. */
  async greeted(ms: number): Promise<boolean> {
    const end = performance.now() + ms
    await this.head(ms)
    const { listening } = this
    if (listening === undefined) return false
    return listening.until(() => listening.greeting !== undefined, Math.max(0, end - performance.now()))
  }

  header(name: string): string | undefined {
    return this.listening?.answer.headers.get(name)
  }

  close(): void {
    this.asked.close()
  }
}

/** Visits, visits again, and leaves nothing open. */
export class Ward {
  readonly #visits: Visit[] = []
  readonly patient: Patient

  constructor(patient: Patient) {
    this.patient = patient
  }

  /** @throws NoLine */
  async visit(manner: Manner = {}): Promise<Visit> {
    const visit = await Visit.begin(this.patient, manner)
    this.#visits.push(visit)
    return visit
  }

  close(): void {
    for (const visit of this.#visits) visit.close()
  }
}
