// The event target of GraphQL Yoga's `createPubSub()` over sser: a publish on any Pod reaches the subscriptions of all.
import { createPubSub, createSchema, createYoga } from 'graphql-yoga'
import { Hono } from 'hono'
import type { Sser } from 'sser'

type Listener = EventListenerOrEventListenerObject | null

/** Yoga uses a topic as the type of an event, and its payload as the `detail`. */
export function createSserEventTarget(sser: Sser, prefix = 'yoga:'): EventTarget {
  const ends = new Map<string, Map<Listener, AbortController>>()
  const listen = async (topic: string, listener: Listener, { signal }: AbortController) => {
    for await (const item of sser.stream(prefix + topic).subscribe({ signal })) {
      if (item.type !== 'event') continue
      const event = new CustomEvent(topic, { detail: item.data })
      if (typeof listener === 'function') listener(event)
      else listener?.handleEvent(event)
    }
  }
  return {
    dispatchEvent(event: Event) {
      const { type, detail } = event as CustomEvent
      sser
        .stream(prefix + type)
        .send(detail ?? null)
        .catch(console.error)
      return true
    },
    addEventListener(topic: string, listener: Listener) {
      const end = new AbortController()
      const listeners = ends.get(topic) ?? new Map<Listener, AbortController>()
      ends.set(topic, listeners.set(listener, end))
      listen(topic, listener, end).catch(console.error)
    },
    removeEventListener(topic: string, listener: Listener) {
      const listeners = ends.get(topic)
      listeners?.get(listener)?.abort()
      listeners?.delete(listener)
      if (listeners?.size === 0) ends.delete(topic)
    },
  }
}

export function createApp(sser: Sser) {
  const pubSub = createPubSub<{ order: [{ id: number; text: string }] }>({
    eventTarget: createSserEventTarget(sser) as never,
  })
  const yoga = createYoga({
    logging: false,
    schema: createSchema({
      typeDefs: `
        type Order { id: Int!, text: String! }
        type Query { ok: Boolean! }
        type Mutation { addOrder(id: Int!, text: String!): Boolean! }
        type Subscription { order: Order! }
      `,
      resolvers: {
        Query: { ok: () => true },
        Mutation: {
          addOrder: (_: unknown, order: { id: number; text: string }) => {
            pubSub.publish('order', order)
            return true
          },
        },
        Subscription: {
          order: { subscribe: () => pubSub.subscribe('order'), resolve: (order: unknown) => order },
        },
      },
    }),
  })
  return new Hono().all('/graphql', (c) => yoga.fetch(c.req.raw))
}
