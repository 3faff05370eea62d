import { ChangingPeerFinder } from '../support/changing-finder.ts'
import { settle } from '../support/clock.ts'
import { peerFinderContract, sourcedPeerFinderContract } from './contract.ts'

// The tests' own finder has a source, so that every clause of the contract runs.
const make = () => {
  const finder = new ChangingPeerFinder([{ address: '10.0.0.1' }])
  return {
    finder,
    list: (peers: Parameters<typeof finder.set>[0]) => finder.set(peers),
    fail: () => {
      finder.break()
      return settle()
    },
  }
}

peerFinderContract('ChangingPeerFinder', make)
sourcedPeerFinderContract('ChangingPeerFinder', make)
