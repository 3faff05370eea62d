import { expect, test } from 'vitest'
import { runScript } from '../support/pod-process.ts'

const HOSTS = { node: '127.0.67.1', bun: '127.0.67.2' }

test.each(['node', 'bun'] as const)(
  'Pods without serve() never reach peers through a proxy of the environment, on %s',
  async (runtime) => {
    const host = HOSTS[runtime]
    const proxy = `http://${host}:7673`
    const env = {
      NODE_USE_ENV_PROXY: '1',
      HTTP_PROXY: proxy,
      http_proxy: proxy,
      HTTPS_PROXY: proxy,
      ALL_PROXY: proxy,
    }
    const url = new URL('without-serve.ts', import.meta.url)
    const { stdout } = await runScript(runtime, url, { args: [], env })
    expect(stdout).toBe('delivered delivered; the proxy was asked 0 times\n')
  },
)
