// `npm run example:chat`: three Pods as processes of this machine, a balancer before them, and a page with two chats.
import { Balancer } from './balancer.ts'
import { Fleet } from './fleet.ts'

const { PORT = '8090' } = process.env
const { promise: ending, resolve: end } = Promise.withResolvers<void>()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end())

const fleet = await Fleet.start(3)
const balancer = new Balancer(fleet)
try {
  const url = await balancer.listen(Number(PORT))
  console.log(`example:chat: ${url} (end with Ctrl-C)`)
  await ending
} catch (error) {
  console.error(`example:chat: ${(error as Error).message}`)
  process.exitCode = 1
} finally {
  await balancer.close()
  await fleet.stop()
}
