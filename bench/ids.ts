// npm run bench:ids: how long an SSE id is, in fleets of the real code on virtual time.
import { idBytes } from './harness/id-bytes.ts'

console.log('Bytes of an id, the longest of any Pod; with n Pods each')
console.log(
  'Pods | quiet for 60 s | after 1,000 events each | the most while all are replaced, one each 10 s',
)
for (const pods of [3, 10, 50]) {
  const { quiet, sending, replaced } = await idBytes(pods)
  console.log([pods, quiet, sending, replaced].join(' | '))
}
