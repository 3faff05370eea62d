// A Pod without any port: nothing but itself keeps its process alive while it starts and stops.
import { Sser, StaticPeerFinder } from '../../src/index.ts'

const sser = new Sser({ peerFinder: new StaticPeerFinder([process.env.PEER ?? '']), logger: false })
await sser.start()
console.log(sser.state)
await sser.stop()
console.log(sser.state)
