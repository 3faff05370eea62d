import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { until } from '../../support/until.ts'
import { Network, remains } from './network.ts'

let network: Network | undefined

afterEach(async () => {
  await network?.remove()
  expect(await remains()).toEqual([])
})

test("a run removes a killed run's remains, but never a live run's", async () => {
  const other = fork(fileURLToPath(new URL('./crash.ts', import.meta.url)))
  await once(other, 'message')
  await expect(Network.create()).rejects.toThrow(`Process ${other.pid} has a rig on this machine`)
  other.kill('SIGKILL')
  await once(other, 'exit')
  const processes = async () => (await remains()).filter((name) => name.startsWith('process'))
  await until('the processes of the killed run have exited', async () => (await processes()).length === 0)
  expect(await remains()).toContain('interface sser-rig')
  network = await Network.create()
  expect(await remains()).toEqual(['interface sser-rig'])
})
