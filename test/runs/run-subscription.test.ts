import { expect, it } from 'vitest'
import { RunSubscriber } from '../../src/runs/run-subscription.ts'
import { settle } from '../support/clock.ts'
import { newRuns, startElsewhere } from '../support/run-peers.ts'

it('tells once that a run is interrupted, also after its Pod has begun anew', async () => {
  const subscriber = new RunSubscriber({ name: 'chat', after: undefined, from: 'start', onClose() {} })
  const attach = async (silentMs: number) => {
    const { runs, peers, clock } = newRuns()
    const { id } = startElsewhere(runs, 'aaaaa')
    peers.states.set('aaaaa', { state: 'silent', since: clock.now() - silentMs })
    subscriber.attach({ runs })
    await settle()
    return runs.copies.get(id)
  }
  await attach(20_000)
  expect((await subscriber.next()).value).toEqual({ type: 'interrupted' })
  subscriber.detach()
  const next = subscriber.next()
  const copy = await attach(20_000)
  copy?.append(0, ['a'])
  expect((await next).value).toMatchObject({ type: 'chunk', text: 'a' })
  subscriber.detach()
  await attach(0)
  expect((await subscriber.next()).value).toEqual({ type: 'resumed' })
  subscriber.discard()
})

it('tells after the gap for another run that it is not interrupted', async () => {
  const subscriber = new RunSubscriber({ name: 'chat', after: undefined, from: 'start', onClose() {} })
  const attach = async (epoch: string, silentMs: number) => {
    const { runs, peers, clock } = newRuns()
    const { id } = startElsewhere(runs, epoch)
    peers.states.set(epoch, { state: 'silent', since: clock.now() - silentMs })
    subscriber.attach({ runs })
    await settle()
    // A header of the run that the id is of might be on its way.
    await clock.advance(2_000)
    return runs.copies.get(id)
  }
  const copy = await attach('aaaaa', 20_000)
  copy?.append(0, ['a'])
  expect((await subscriber.next()).value).toMatchObject({ type: 'chunk', text: 'a' })
  expect((await subscriber.next()).value).toEqual({ type: 'interrupted' })
  subscriber.detach()
  await attach('bbbbb', 0)
  expect((await subscriber.next()).value).toEqual({ type: 'gap', id: undefined, index: 0 })
  expect((await subscriber.next()).value).toEqual({ type: 'resumed' })
  subscriber.discard()
})

it('tells with a gap the id that goes on after it', async () => {
  const { runs } = newRuns()
  const { id } = startElsewhere(runs, 'aaaaa')
  const subscriber = new RunSubscriber({ name: 'chat', after: undefined, from: 'start', onClose() {} })
  subscriber.attach({ runs })
  await settle()
  const copy = runs.copies.get(id)
  copy?.skipTo(3)
  copy?.append(3, ['d', 'e'])
  const gap = (await subscriber.next()).value
  expect(gap).toMatchObject({ type: 'gap', index: 3 })
  subscriber.discard()
  const after = gap !== undefined && 'id' in gap ? gap.id : undefined
  const next = new RunSubscriber({ name: 'chat', after, from: 'start', onClose() {} })
  next.attach({ runs })
  expect((await next.next()).value).toMatchObject({ type: 'chunk', index: 3, text: 'd' })
  next.discard()
})
