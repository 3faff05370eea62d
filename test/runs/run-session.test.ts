import { expect, it } from 'vitest'
import type { SideExchange } from '../../src/replication/side-channel.ts'
import { RunSession, type SessionOwner } from '../../src/runs/run-session.ts'

it('a want that was given up before it was sent also ends the want before it', () => {
  const exchange = { peer: { epoch: 'peerA' }, isOpener: true, push() {}, ask() {} }
  const session = new RunSession(exchange as unknown as SideExchange, {} as SessionOwner)
  session.want('peerA:1', 0, true)
  expect(session.next()?.text).toContain('"want"')
  session.unwant('peerA:1')
  session.want('peerA:1', 0, true)
  session.unwant('peerA:1')
  expect(session.next()?.text).toBe('{"unwant":["peerA:1"]}')
})
