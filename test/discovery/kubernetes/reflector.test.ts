import { describe, expect, it } from 'vitest'
import type { ApiObject } from '../../../src/discovery/kubernetes/api-objects.ts'
import type { Change, ListWatch } from '../../../src/discovery/kubernetes/list-watch.ts'
import { Reflector } from '../../../src/discovery/kubernetes/reflector.ts'
import { VirtualClock } from '../../support/clock.ts'

const A: ApiObject = { metadata: { name: 'a', uid: 'uid-a', resourceVersion: '1' } }
const B: ApiObject = { metadata: { name: 'b', uid: 'uid-b', resourceVersion: '2' } }

/** Stops a reflector in the turn in which a list or an event reaches it, which no server could time. */
async function stoppedDuring(moment: 'list' | 'watch' | 'change') {
  const stop = new AbortController()
  const stopAt = (reached: typeof moment) => {
    if (reached === moment) stop.abort()
  }
  const listWatch: Pick<ListWatch<ApiObject>, 'list' | 'watch'> = {
    async list() {
      stopAt('list')
      return { objects: new Map([['uid-a', A]]), version: '1' }
    },
    async watch() {
      stopAt('watch')
      return (async function* (): AsyncGenerator<Change<ApiObject>> {
        stopAt('change')
        yield { type: 'ADDED', object: B, version: '2' }
      })()
    },
  }
  const heard: string[] = []
  const clock = new VirtualClock()
  const reflector: Reflector<ApiObject> = new Reflector({
    listWatch: listWatch as ListWatch<ApiObject>,
    clock,
    onChange: () => heard.push([...reflector.objects.keys()].join(' ')),
    onFault: (error) => heard.push(String(error)),
  })
  await reflector.run(stop.signal)
  return { heard, uids: [...reflector.objects.keys()], state: reflector.state, timers: clock.timers }
}

describe('a stopped reflector', () => {
  it('takes nothing from a list that arrives in the same turn', async () => {
    expect(await stoppedDuring('list')).toEqual({ heard: [], uids: [], state: 'stopped', timers: 0 })
  })

  it.each(['watch', 'change'] as const)(
    'takes no event from a %s that arrives in the same turn',
    async (moment) => {
      const kept = ['uid-a']
      expect(await stoppedDuring(moment)).toEqual({ heard: kept, uids: kept, state: 'stopped', timers: 0 })
    },
  )
})
