import { EventEmitter } from 'node:events'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { BoundedTeeStream } from '../../src/delivery/bounded-tee.ts'
import { Client } from '../support/client.ts'
import { settle } from '../support/clock.ts'
import { clonesCallTee } from '../support/clones-call-tee.ts'
import { Fleet, type Pod } from '../support/fleet.ts'

const KIB = 1_024

describe('the body of an event stream', () => {
  let pod: Pod

  async function ask(signal?: AbortSignal, env?: unknown): Promise<Response> {
    const fleet = await Fleet.of(1)
    pod = fleet.pod(0)
    return pod.sser.handler(new Request('http://pod/?stream=a', signal ? { signal } : {}), env)
  }

  afterEach(() => expect(pod.errors).toEqual([]))

  it('ends when the request’s signal aborts during a read', async () => {
    const leaving = new AbortController()
    const client = new Client(await ask(leaving.signal)).flow()
    await settle()
    expect(pod.sser.connections).toBe(1)
    leaving.abort()
    await settle()
    expect([pod.sser.connections, client.ended, client.errors]).toEqual([0, true, []])
  })

  it('ends at once if the signal aborted before the first read', async () => {
    const leaving = new AbortController()
    const response = await ask(leaving.signal)
    leaving.abort()
    const client = new Client(response).flow()
    await settle()
    expect([pod.sser.connections, pod.sser.stats().connections.opened, client.ended]).toEqual([0, 0, true])
  })

  it('ends when Node’s response closes', async () => {
    const outgoing = Object.assign(new EventEmitter(), { destroy: vi.fn() })
    const client = new Client(await ask(undefined, { outgoing })).flow()
    await settle()
    outgoing.emit('close')
    await settle()
    expect([pod.sser.connections, client.ended]).toEqual([0, true])
    expect(outgoing.destroy).not.toHaveBeenCalled()
  })

  it('leaves no event listener behind after its end', async () => {
    const signal = new AbortController().signal
    const request = new Request('http://pod/?stream=a', { signal })
    const remove = vi.spyOn(request.signal, 'removeEventListener')
    const outgoing = Object.assign(new EventEmitter(), { destroy() {} })
    await ask()
    const client = new Client(await pod.sser.handler(request, { outgoing })).flow()
    await settle()
    expect(outgoing.listenerCount('close')).toBe(1)
    await pod.sser.disconnect({ stream: 'a' })
    await settle()
    expect([client.ended, outgoing.listenerCount('close')]).toEqual([true, 0])
    expect(remove).toHaveBeenCalledTimes(1)
  })

  it.skipIf(!clonesCallTee)('reaches both readers of a cloned response, each event once', async () => {
    const response = await ask()
    const [one, two] = [new Client(response.clone()).flow(), new Client(response).flow()]
    await settle()
    for (let i = 0; i < 50; i += 1) await pod.sser.send('a', `${i}`)
    await settle()
    const all = Array.from({ length: 50 }, (_, i) => `${i}`)
    expect([one.messages, two.messages, pod.sser.connections]).toEqual([all, all, 1])
    await one.cancel()
    expect(pod.sser.connections).toBe(1)
    await two.cancel()
    expect(pod.sser.connections).toBe(0)
  })
})

describe('a tee of an event stream', () => {
  function source() {
    const state = { pulls: 0, cancelled: false }
    const stream = new BoundedTeeStream(
      {
        pull(controller) {
          state.pulls += 1
          controller.enqueue(new Uint8Array(KIB))
        },
        cancel() {
          state.cancelled = true
        },
      },
      { highWaterMark: 0 },
    )
    return { state, stream }
  }

  it.each([
    ['the first', 0],
    ['the second', 1],
  ])('reads no more than 64 KiB ahead of the branch that is not read: only %s is', async (_, index) => {
    const { state, stream } = source()
    const branch = stream.tee()[index] as ReadableStream<Uint8Array>
    const reader = branch.getReader()
    let count = 0
    void (async () => {
      for (;;) {
        await reader.read()
        count += 1
      }
    })()
    await settle()
    expect(count).toBe(65)
    expect(state.pulls).toBe(65)
  })

  it('continues when the slower branch is read or cancelled', async () => {
    const { state, stream } = source()
    const [fast, slow] = stream.tee()
    const reader = fast.getReader()
    let count = 0
    void (async () => {
      while (count < 300) {
        await reader.read()
        count += 1
      }
    })()
    await settle()
    const slowReader = slow.getReader()
    for (let i = 0; i < 100; i += 1) expect((await slowReader.read()).value?.byteLength).toBe(KIB)
    await settle()
    expect(count).toBeGreaterThanOrEqual(100)
    expect(count).toBeLessThan(170)
    await slowReader.cancel()
    await settle()
    expect(count).toBe(300)
    expect(state.cancelled).toBe(false)
    await reader.cancel()
    expect(state.cancelled).toBe(true)
  })

  it('stays bounded when a branch is cloned again', async () => {
    const { state, stream } = source()
    const [first, second] = stream.tee()
    const [third] = second.tee()
    for (const branch of [first, third])
      void (async () => {
        for await (const _ of branch);
      })()
    await settle()
    expect(state.pulls).toBeLessThan(200)
  })
})
