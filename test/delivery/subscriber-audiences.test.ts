import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { Subscriber } from '../../src/delivery/subscriber.ts'
import { Listening } from '../support/listening.ts'

setFlagsFromString('--expose_gc')
const gc = runInNewContext('gc') as () => void

test.each([
  ['close', (subscriber: Subscriber) => subscriber.close()],
  ['discard', (subscriber: Subscriber) => subscriber.discard()],
  ['finish', (subscriber: Subscriber) => subscriber.finish()],
])(
  'an audience keeps no subscriber after %s(), while another one of a quiet stream waits',
  async (_, end) => {
    const { incarnation } = new Listening()
    const subscribe = () => {
      const subscriber = new Subscriber({ streams: ['a'], after: undefined, onItem() {}, onClose() {} })
      subscriber.attach(incarnation)
      return subscriber
    }
    const other = subscribe()
    const waits = other.next()
    const ended = Array.from({ length: 10 }, () => {
      const subscriber = subscribe()
      end(subscriber)
      return new WeakRef(subscriber)
    })
    await setImmediate()
    gc()
    expect(ended.filter((ref) => ref.deref() !== undefined)).toEqual([])
    other.close()
    expect(await waits).toEqual({ done: true, value: undefined })
  },
)
