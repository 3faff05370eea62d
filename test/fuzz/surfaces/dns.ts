import { createSocket } from 'node:dgram'
import { isIP } from 'node:net'
import { DnsPeerFinder } from '../../../src/discovery/dns.ts'
import { checkPeers } from '../../../src/discovery/peer-finder.ts'
import { SserError } from '../../../src/errors.ts'
import { fieldsOf, type Json, type Surface, textOf } from '../surface.ts'

const HOSTNAME = 'web.shop.svc.cluster.local'
/** An A record of the name in the question. */
const A = '\xc0\x0c\x00\x01\x00\x01\x00\x00\x00\x05\x00\x04\x7f\x00\x00\x02'
const AAAA = `\xc0\x0c\x00\x1c\x00\x01\x00\x00\x00\x05\x00\x10${'\x00'.repeat(15)}\x01`
const CNAME = '\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x05\x00\x02\xc0\x11'

/** The current answer, for every query. */
let answer: { flags: string; counts: string; records: string } = { flags: '', counts: '', records: '' }
const socket = createSocket('udp4')
socket.on('message', (query, { address, port }) => {
  const { flags, counts, records } = answer
  const head = Buffer.from(flags + counts, 'latin1')
  const end = query.indexOf(0, 12) + 5
  socket.send(
    [query.subarray(0, 2), head, query.subarray(12, end), Buffer.from(records, 'latin1')],
    port,
    address,
  )
})
socket.unref()
const bound = new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))

/** Answer of a name server after the id and the question, which a resolver requires to be correct. */
export const dns: Surface<string | undefined> = {
  name: 'dns',
  corpus: [
    { flags: '\x81\x80', counts: '\x00\x01\x00\x01\x00\x00\x00\x00', records: A },
    { flags: '\x81\x80', counts: '\x00\x01\x00\x03\x00\x00\x00\x00', records: CNAME + A + AAAA },
    { flags: '\x81\x83', counts: '\x00\x01\x00\x00\x00\x00\x00\x00', records: '' },
  ],
  words: [A, AAAA, CNAME, '\xc0\x0c', '\xff\xff', '\x00', 'flags', 'counts', 'records'],
  async run(input) {
    await bound
    const fields = fieldsOf(input)
    const text = (field: Json | undefined, size?: number) =>
      textOf(field ?? '')
        .padEnd(size ?? 0, '\0')
        .slice(0, size ?? 1_200)
    answer = { flags: text(fields.flags, 2), counts: text(fields.counts, 8), records: text(fields.records) }
    const stop = new AbortController()
    const finder = new DnsPeerFinder({
      hostname: HOSTNAME,
      family: 'IPv4',
      nameServers: [`127.0.0.1:${socket.address().port}`],
    })
    // One answer is enough; the finder repeats the query after an invalid one, until this timeout.
    const give = setTimeout(() => stop.abort(), 60)
    try {
      const { peers } = await finder.start({ signal: stop.signal, onError: () => stop.abort() })
      checkPeers(peers)
      return peers.every(({ address }) => isIP(address) === 4) ? undefined : 'no address'
    } catch (error) {
      if (
        (error instanceof SserError && error.code === 'peer-finder-failed') ||
        (error as Error).name === 'AbortError'
      )
        return undefined
      throw error
    } finally {
      clearTimeout(give)
      stop.abort()
    }
  },
  invariant: (wrong) => wrong,
}
