import { dnsRows } from '../../dns-rows.ts'
import { credentialRows } from './credentials.ts'
import { listRows } from './lists.ts'
import { peerRows } from './peers.ts'
import { refusalRows } from './refusals.ts'
import { inWorlds, type Row } from './row.ts'
import { selectorRows, selfRows } from './self.ts'
import { startRows } from './starts.ts'
import { stopRows } from './stops.ts'
import { watchRows } from './watch.ts'
import { wordRows } from './words.ts'

/** What each finder does, whatever goes wrong: every row is one behaviour. */
export const tables: Readonly<Record<'KubernetesPeerFinder' | 'DnsPeerFinder', readonly Row[]>> = {
  KubernetesPeerFinder: inWorlds([
    ...startRows,
    ...selfRows,
    ...selectorRows,
    ...credentialRows,
    ...watchRows,
    ...refusalRows,
    ...listRows,
    ...peerRows,
    ...stopRows,
    ...wordRows,
  ]),
  DnsPeerFinder: dnsRows,
}
