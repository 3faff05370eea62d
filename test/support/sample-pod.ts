import { fileURLToPath } from 'node:url'
import { type Sser, StaticPeerFinder } from '../../src/index.ts'
import { certificateReader } from '../../src/runtime/node/runtime.ts'
import { serverSideOf } from '../../src/sser.ts'
import { PeerCertificates } from '../../src/transport/certificates.ts'
import { Client } from './client.ts'
import { settle, VirtualClock } from './clock.ts'
import { newSser, type TestSettings } from './settings.ts'

/** A Pod that has something to say under every name. */
export class SamplePod {
  readonly #clock = new VirtualClock()
  #client: Client | undefined
  readonly sser: Sser

  private constructor() {
    const settings: TestSettings = {
      clock: this.#clock,
      peerFetch: () => Promise.reject(new Error('nobody there')),
    }
    const finder = new StaticPeerFinder(['10.0.0.9'])
    const peerFinder = {
      start: (options: { signal: AbortSignal }) => finder.start(options),
      status: () => ({ state: 'watching', listsSelf: true, syncAgeMs: 30_000 }),
    }
    this.sser = newSser({ ...settings, peerFinder })
  }

  static async start(): Promise<SamplePod> {
    const samplePod = new SamplePod()
    samplePod.sser.handler(new Request('http://pod/events'))
    const tls = (name: string) => fileURLToPath(new URL(`../security/tls/${name}`, import.meta.url))
    const source = { keyFile: tls('pod.key'), certFile: tls('pod.crt'), caFile: tls('pod-ca.crt') }
    const certificates = await PeerCertificates.read(
      { ...source, servername: 'sser-pod' },
      certificateReader,
      samplePod.#clock,
    )
    void serverSideOf(samplePod.sser)?.start({ certificates })
    await samplePod.#clock.advance(10_000)
    samplePod.#client = new Client(
      await samplePod.sser.handler(new Request('http://pod/events?stream=a')),
    ).flow()
    await settle()
    return samplePod
  }

  async stop(): Promise<void> {
    await this.#client?.cancel()
    void this.sser.stop()
    await this.#clock.advance(30_000)
  }
}
