import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { checkFramework, type Framework } from '../frameworks/checks.ts'
import { linkedPackage } from '../support/linked-package.ts'
import { endPods } from '../support/pod-process.ts'

const { folder, remove } = linkedPackage()

afterAll(async () => {
  await endPods()
  remove()
})

/** Those that need no package; `npm run test:frameworks` has the others. */
describe.each<Framework & { script: string }>([
  { name: 'node:http', runtime: 'node', script: 'node-http.ts', prefix: '127.0.89.', isFast: true },
  { name: 'Bun.serve() with routes', runtime: 'bun', script: 'bun-serve.ts', prefix: '127.0.91.' },
])('$name', (framework) => {
  const script = join(folder, framework.script)
  copyFileSync(new URL(`../../examples/frameworks/${framework.script}`, import.meta.url), script)
  checkFramework(framework, () => script)
})
