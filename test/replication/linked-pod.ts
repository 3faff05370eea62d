import { FakeOpener } from '../support/fake-exchange.ts'
import { Among, FakePeer } from '../support/fake-peer.ts'
import type { TestSettings } from '../support/settings.ts'

export const PEER = '10.0.0.1'

/** A Pod whose link has been answered by single requests. */
export async function begin(prepare: (opener: FakeOpener) => void = () => {}, settings: TestSettings = {}) {
  const peer = new FakePeer('peer1')
  const opener: FakeOpener = new FakeOpener(() => pod.clock)
  prepare(opener)
  const pod: Among = new Among({ [PEER]: peer }, { openExchange: opener.open, ...settings })
  await pod.start()
  return { peer, opener, pod, own: () => pod.sser.position?.slice(0, 5) as string }
}
