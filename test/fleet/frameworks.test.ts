import { afterAll, beforeAll, describe } from 'vitest'
import { checkFramework, type Framework } from '../frameworks/checks.ts'
import { linkedExample, removeExamples } from '../support/linked-example.ts'
import { endPods } from '../support/pod-process.ts'

afterAll(async () => {
  await endPods()
  removeExamples()
})

/** `npm run test:nodes` turns the fast path off in one of its runs. */
const isFast = process.env.NODE_OPTIONS?.includes('fast-path-off') !== true

/** Those that need no package; `npm run test:frameworks` has the others. */
describe.each<Framework & { file: string }>([
  { name: 'node:http', runtime: 'node', file: 'node-http.ts', prefix: '127.0.89.', isFast },
  { name: 'Bun.serve() with routes', runtime: 'bun', file: 'bun-serve.ts', prefix: '127.0.91.' },
])('$name', ({ file, ...framework }) => {
  let script = ''
  beforeAll(async () => {
    script = await linkedExample(`frameworks/${file}`)
  })
  checkFramework(framework, () => script)
})
