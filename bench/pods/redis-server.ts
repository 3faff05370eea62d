// A `redis-server` on an address of its own, without persistence.
import { spawn } from 'node:child_process'
import { connect } from 'node:net'
import { until } from '../../test/support/until.ts'
import { cpuOf } from '../harness/cpu.ts'
import { addresses } from '../pods.ts'

const PORT = 7149

export interface RedisServer {
  url: string
  /** CPU time so far, in milliseconds. */
  cpu(): number
  stop(): void
}

export async function startRedis(): Promise<RedisServer> {
  const [host = ''] = addresses(1)
  const flags = ['--port', `${PORT}`, '--bind', host, '--save', '', '--appendonly', 'no']
  const child = spawn('redis-server', flags, { stdio: 'ignore' })
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  await until('redis-server listens', () => listens(host), 5_000)
  return {
    url: `redis://${host}:${PORT}`,
    cpu: () => cpuOf(child.pid as number),
    stop() {
      process.off('exit', kill)
      child.kill('SIGTERM')
    },
  }
}

function listens(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(PORT, host, () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
