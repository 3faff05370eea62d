import { listRows } from './lists.ts'
import { peerRows } from './peers.ts'
import { refusalRows } from './refusals.ts'
import type { Row } from './row.ts'
import { startRows } from './starts.ts'
import { stopRows } from './stops.ts'
import { watchRows } from './watch.ts'

/** The table of faults: every row is one behaviour. */
export const rows: readonly Row[] = [
  ...startRows,
  ...watchRows,
  ...refusalRows,
  ...listRows,
  ...peerRows,
  ...stopRows,
]
