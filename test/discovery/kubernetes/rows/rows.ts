import { dnsRows } from '../../dns-rows.ts'
import { credentialRows } from './credentials.ts'
import { errorTextRows } from './error-text.ts'
import { listRows } from './lists.ts'
import { peerRows } from './peers.ts'
import { refusalRows } from './refusals.ts'
import { type Row, withFixtures } from './row.ts'
import { selectorRows, selfRows } from './self.ts'
import { startRows } from './starts.ts'
import { stopRows } from './stops.ts'
import { watchRows } from './watch.ts'

/** Behaviours of each finder, one per row. */
export const tables: Readonly<Record<'KubernetesPeerFinder' | 'DnsPeerFinder', readonly Row[]>> = {
  KubernetesPeerFinder: withFixtures([
    ...startRows,
    ...selfRows,
    ...selectorRows,
    ...credentialRows,
    ...watchRows,
    ...refusalRows,
    ...listRows,
    ...peerRows,
    ...stopRows,
    ...errorTextRows,
  ]),
  DnsPeerFinder: dnsRows,
}
