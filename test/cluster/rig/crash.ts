// A run that never ends, for a test that kills it.
import { Network } from './network.ts'

const network = await Network.create()
const namespace = await network.join(1, 2)
namespace.spawn(['sleep', '600'])
process.send?.('there')
