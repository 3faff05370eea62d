import { expect, it } from 'vitest'
import type { Log } from '../../src/log/log.ts'
import type { PeerLink } from '../../src/replication/peer-status.ts'
import { RunRequests } from '../../src/runs/run-requests.ts'
import type { PeerClient } from '../../src/transport/peer-client.ts'

/** Requests to peers in these states, of which those named answer. */
function setup(states: Record<string, PeerLink['state']>, answering: readonly string[]) {
  const probed: string[] = []
  const links = new Map(
    Object.entries(states).map(([epoch, state]) => {
      const peer = { epoch, knowsRuns: true }
      const link = { target: { host: epoch }, state, peer, check() {}, probe: () => probed.push(epoch) }
      return [epoch, link as unknown as PeerLink]
    }),
  )
  const requests = new RunRequests({
    client: {
      askRuns: async ({ host }: { host: string }) => {
        if (!answering.includes(host)) throw new Error('out of reach')
        return { epoch: host, runs: [], parts: [], cancel: undefined }
      },
    } as unknown as PeerClient,
    log: { epoch: 'own' } as Log,
    links: () => links,
    isLeaving: () => false,
    signal: new AbortController().signal,
  })
  return { requests, probed }
}

const epochs = ({ answers }: { answers: { peer: { epoch: string } }[] }) =>
  answers.map(({ peer }) => peer.epoch)

it('a peer whose last request failed is asked for a verdict, and its link tries again where it answers', async () => {
  const { requests, probed } = setup({ aaaaa: 'connected', bbbbb: 'failing' }, ['aaaaa', 'bbbbb'])
  expect(epochs(await requests.sendToAll({}))).toEqual(['aaaaa'])
  expect(epochs(await requests.sendToAny({}))).toEqual(['aaaaa', 'bbbbb'])
  expect(probed).toEqual(['bbbbb'])
})

it('the answers are complete without a peer that fails on, and not without one that could be reached', async () => {
  const { requests, probed } = setup({ aaaaa: 'connected', bbbbb: 'failing' }, ['aaaaa'])
  expect(await requests.sendToAny({})).toMatchObject({ isComplete: true })
  expect(probed).toEqual([])
  const other = setup({ aaaaa: 'connected', bbbbb: 'failing' }, ['bbbbb'])
  expect(await other.requests.sendToAny({})).toMatchObject({ isComplete: false })
})
