// Figure 12: bytes that the `id:` line adds to each event. Independent of clock and machine.
import { idBytes } from '../harness/id-bytes.ts'
import type { Table } from '../harness/table.ts'

export async function figure(): Promise<Table> {
  const rows: number[][] = []
  for (const pods of [3, 10]) {
    const { quiet, sending, replaced } = await idBytes(pods)
    rows.push([pods, quiet, sending, replaced])
  }
  return {
    name: 'ids',
    title: 'Bytes of an id',
    columns: ['active Pods', 'quiet', 'after 1,000 events each', 'the most during a rollout'],
    rows,
    notes: ['The longest id of any Pod; `id: ` and the end of the line are 5 bytes more.'],
    plots: [],
  }
}
