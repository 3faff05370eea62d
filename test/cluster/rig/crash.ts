// A run that never comes to its end.
import { Network } from './network.ts'

const network = await Network.create()
const namespace = await network.join(1, 2)
namespace.spawn(['sleep', '600'])
process.send?.('there')
