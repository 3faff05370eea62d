import type { Settings } from '../options.ts'
import { StreamSource } from '../stream-source.ts'
import { Hub } from './hub.ts'
import { isTabMessage, type Link, type LinkHandlers, type TabMessage } from './messages.ts'
import { Port } from './port.ts'

/** Longest wait of a tab before it takes the lock of a silent leader, in milliseconds: another one may be faster. */
const MAX_STEAL_MS = 200

/** Messages on the channel of all tabs. */
interface Announcement {
  /** A new leader, or an answer to a tab that has come. */
  readonly leader?: unknown
  /** A tab asks which one is the leader. */
  readonly who?: unknown
  /** A message of the tab `from` for the leader `to`. */
  readonly to?: unknown
  readonly from?: unknown
  readonly message?: unknown
}

/** Parts of the browser that the link uses. */
export interface LockPlatform {
  locks: LockManager
  BroadcastChannel: typeof BroadcastChannel
}

/**
 * The hub runs in the tab that holds a Web Lock, the leader. Tabs send to the leader on one channel; each tab receives on a
 * channel of its own, because a message on a shared one would be copied for every tab.
 */
export class LockLink implements Link {
  readonly #settings: Settings
  readonly #name: string
  readonly #platform: LockPlatform
  readonly #handlers: LinkHandlers
  readonly #id = `${Math.random()}`.slice(2)
  readonly #channel: BroadcastChannel
  readonly #inbox: BroadcastChannel
  /** The leader that this tab has joined. */
  #leader: string | undefined
  /** Work of this tab as the leader. */
  #own: Leadership | undefined
  #abort = new AbortController()
  #cancelSteal: (() => void) | undefined
  #terms = 0

  constructor(settings: Settings, name: string, platform: LockPlatform, handlers: LinkHandlers) {
    this.#settings = settings
    this.#name = name
    this.#platform = platform
    this.#handlers = handlers
    this.#channel = new platform.BroadcastChannel(name)
    this.#inbox = new platform.BroadcastChannel(`${name} ${this.#id}`)
    this.#channel.onmessage = ({ data }) => this.#onAnnouncement(data ?? {})
    this.#inbox.onmessage = ({ data }) => {
      if (data?.leader === this.#leader) this.#handlers.onMessage(data?.message)
    }
    this.#announce({ who: this.#id })
    this.#request()
  }

  post(message: TabMessage): void {
    if (this.#own !== undefined) this.#own.receive(this.#id, message)
    else if (this.#leader !== undefined) this.#announce({ to: this.#leader, from: this.#id, message })
  }

  /** Takes the lock of a leader that is frozen. */
  replaceHub(): void {
    if (this.#own !== undefined) return
    const { clock } = this.#settings
    this.#cancelSteal ??= clock.after(clock.random() * MAX_STEAL_MS, () => {
      this.#cancelSteal = undefined
      this.#request(true)
    })
  }

  close(): void {
    this.#cancelSteal?.()
    this.#abort.abort()
    this.#own?.end()
    this.#own = undefined
    this.#channel.close()
    this.#inbox.close()
  }

  /** Waits for the lock, or takes it from its holder. */
  #request(steals = false): void {
    this.#abort.abort()
    const abort = new AbortController()
    this.#abort = abort
    const options = steals ? { steal: true } : { signal: abort.signal }
    this.#platform.locks
      .request(this.#name, options, () => (abort.signal.aborted ? undefined : this.#lead(abort.signal)))
      .catch(() => {
        // Another tab has taken the lock, because this one was silent.
        if (!abort.signal.aborted) this.#stepDown()
      })
  }

  /** Leads until the link is closed, or the lock is taken. */
  #lead(signal: AbortSignal): Promise<void> {
    this.#cancelSteal?.()
    this.#cancelSteal = undefined
    this.#terms += 1
    const leader = `${this.#id} ${this.#terms}`
    this.#leader = leader
    this.#own = new Leadership(this.#settings, leader, (tab) => {
      if (tab === this.#id) return { post: (message) => this.#handlers.onMessage(message), close: () => {} }
      const channel = new this.#platform.BroadcastChannel(`${this.#name} ${tab}`)
      return {
        post: (message) => channel.postMessage({ leader, message }),
        close: () => channel.close(),
      }
    })
    this.#announce({ leader })
    this.#handlers.onHub()
    return new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
  }

  #stepDown(): void {
    this.#own?.end()
    this.#own = this.#leader = undefined
    this.#announce({ who: this.#id })
    this.#request()
  }

  #onAnnouncement({ leader, who, to, from, message }: Announcement): void {
    if (this.#own !== undefined) {
      if (who !== undefined) this.#announce({ leader: this.#own.id })
      else if (to === this.#own.id && typeof from === 'string' && isTabMessage(message))
        this.#own.receive(from, message)
      return
    }
    if (typeof leader !== 'string' || leader === this.#leader) return
    this.#cancelSteal?.()
    this.#cancelSteal = undefined
    this.#leader = leader
    this.#handlers.onHub()
  }

  #announce(announcement: Announcement): void {
    this.#channel.postMessage(announcement)
  }
}

/** A way from the leader to one tab. */
interface Outlet {
  post(message: unknown): void
  close(): void
}

/** The hub of a leader, and the tabs that have joined it. */
class Leadership {
  readonly id: string
  readonly #settings: Settings
  readonly #hub: Hub
  readonly #open: (tab: string) => Outlet
  readonly #tabs = new Map<string, { port: Port; outlet: Outlet }>()

  constructor(settings: Settings, id: string, open: (tab: string) => Outlet) {
    this.id = id
    this.#settings = settings
    this.#open = open
    const { clock, heartbeatMs } = settings
    // No batches, because browsers delay the timers of a hidden tab.
    this.#hub = new Hub({ source: new StreamSource(settings), clock, heartbeatMs, batchMs: 0 })
  }

  receive(from: string, message: TabMessage): void {
    const { port } = this.#tabs.get(from) ?? this.#add(from)
    this.#hub.receive(port, message)
    if (message.type === 'leave') this.#remove(from)
  }

  end(): void {
    this.#hub.close()
    for (const tab of [...this.#tabs.keys()]) this.#remove(tab)
  }

  #add(from: string): { port: Port; outlet: Outlet } {
    const outlet = this.#open(from)
    const tab = { port: new Port((message) => outlet.post(message), this.#settings.clock.now()), outlet }
    this.#tabs.set(from, tab)
    return tab
  }

  #remove(from: string): void {
    this.#tabs.get(from)?.outlet.close()
    this.#tabs.delete(from)
  }
}
