import { Origins } from './origins.ts'

/** Requests of which it is not decided yet whether they may become connections, and where they come from. */
export class Judged {
  readonly #origins = new Origins()
  /** All of them, also those whose address is not counted. */
  size = 0

  from(address: string): number {
    return this.#origins.of(address).connections
  }

  join(address: string | undefined): void {
    this.size += 1
    if (address !== undefined) this.#origins.join(this.#origins.of(address))
  }

  leave(address: string | undefined): void {
    this.size -= 1
    if (address !== undefined) this.#origins.leave(this.#origins.of(address))
  }
}
