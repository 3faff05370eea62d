// An oRPC `Publisher` over sser: publish on any Pod, subscribe on any Pod, resume by the last event id.
import { Publisher, type PublisherSubscribeListenerOptions } from '@orpc/experimental-publisher'
import { os, withEventMeta } from '@orpc/server'
import { RPCHandler } from '@orpc/server/fetch'
import { Hono } from 'hono'
import type { Sser } from 'sser'
import { z } from 'zod'

export class SserPublisher<T extends Record<string, object>> extends Publisher<T> {
  readonly #sser: Sser
  readonly #prefix: string

  constructor(sser: Sser, prefix = 'orpc:') {
    super()
    this.#sser = sser
    this.#prefix = prefix
  }

  async publish<K extends keyof T & string>(event: K, payload: T[K]): Promise<void> {
    await this.#stream(event).send(payload)
  }

  protected async subscribeListener<K extends keyof T & string>(
    event: K,
    listener: (payload: T[K]) => void,
    { lastEventId, onError }: PublisherSubscribeListenerOptions = {},
  ): Promise<() => Promise<void>> {
    const end = new AbortController()
    const items = this.#stream(event).subscribe({ after: lastEventId, signal: end.signal })
    const read = async () => {
      for await (const item of items) {
        if (item.type === 'event') listener(withEventMeta(item.data, { id: item.id }))
        // A gap ends the iterator with an error, so that the caller reads the state again.
        else if (item.type === 'gap') throw new Error(`Events may be missing: ${item.reason}`)
      }
      if (!end.signal.aborted) throw new Error('This Pod stops')
    }
    read().catch((error: Error) => onError?.(error))
    return async () => end.abort()
  }

  #stream<K extends keyof T & string>(event: K) {
    return this.#sser.stream<T[K]>(this.#prefix + event)
  }
}

const Order = z.object({ id: z.number(), text: z.string() })

export function createRouter(sser: Sser) {
  const publisher = new SserPublisher<{ order: z.infer<typeof Order> }>(sser)
  return {
    addOrder: os.input(Order).handler(({ input }) => publisher.publish('order', input)),
    onOrder: os.handler(async function* ({ signal, lastEventId }) {
      yield* publisher.subscribe('order', { signal, lastEventId })
    }),
  }
}

export function createApp(sser: Sser) {
  const handler = new RPCHandler(createRouter(sser))
  return new Hono().all('/rpc/*', async (c) => {
    const { response } = await handler.handle(c.req.raw, { prefix: '/rpc', context: {} })
    return response ?? c.notFound()
  })
}
