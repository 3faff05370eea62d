// tRPC subscriptions over sser: the id of an event is the id of `tracked()`, so a client resumes on any Pod.
import { initTRPC, TRPCError, tracked } from '@trpc/server'
import { fetchRequestHandler } from '@trpc/server/adapters/fetch'
import { Hono } from 'hono'
import { type Sser, SserError } from 'sser'
import { z } from 'zod'

const Order = z.object({ id: z.number(), text: z.string() })

export function createRouter(sser: Sser) {
  const t = initTRPC.create()
  const orders = sser.stream('orders', { schema: Order })
  return t.router({
    addOrder: t.procedure.input(Order).mutation(({ input }) => orders.send(input)),
    onOrder: t.procedure
      // The client puts its last id here when it reconnects.
      .input(z.object({ lastEventId: z.string().nullish() }).optional())
      .subscription(async function* ({ input, signal }) {
        // An id before the first event, so that a client which has received none resumes as well.
        const after = input?.lastEventId ?? sser.position
        const items = subscribe(() => orders.subscribe({ after, signal }))
        if (after !== undefined) yield tracked(after, { type: 'open' as const })
        for await (const item of items) {
          if (item.type === 'gap') yield tracked(item.id, { type: 'gap' as const })
          if (item.type === 'event') yield tracked(item.id, { type: 'order' as const, order: item.data })
        }
        // The Pod stops. A plain return would complete the subscription; after this code the client reconnects.
        if (!signal?.aborted) throw new TRPCError({ code: 'SERVICE_UNAVAILABLE' })
      }),
  })
}

/** An id that a client has invented is its mistake. */
function subscribe<T>(call: () => T): T {
  try {
    return call()
  } catch (cause) {
    if (cause instanceof SserError && cause.status < 500) throw new TRPCError({ code: 'BAD_REQUEST', cause })
    throw cause
  }
}

export type AppRouter = ReturnType<typeof createRouter>

export function createApp(sser: Sser) {
  const router = createRouter(sser)
  return new Hono().all('/trpc/*', (c) => fetchRequestHandler({ endpoint: '/trpc', req: c.req.raw, router }))
}
