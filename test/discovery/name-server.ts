import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'

const A = 1
const AAAA = 28
const RCODE = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3 }

/** A DNS server on loopback with the addresses of one name, and a fault that tests can set. */
export class NameServer {
  addresses: readonly string[] = []
  /** Fault in place of an answer. */
  fault: 'SERVFAIL' | 'NXDOMAIN' | 'silence' | undefined
  /** Name and type of every query. */
  readonly questions: string[] = []
  readonly #socket: Socket = createSocket('udp4')

  static async start(): Promise<NameServer> {
    const server = new NameServer()
    server.#socket.on('message', (query, { address, port }) => {
      const answer = server.#answer(query)
      if (answer !== undefined) server.#socket.send(answer, port, address)
    })
    await new Promise<void>((resolve) => server.#socket.bind(0, '127.0.0.1', resolve))
    return server
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#socket.close(() => resolve()))
  }

  /** @see https://www.rfc-editor.org/rfc/rfc1035#section-4 */
  #answer(query: Buffer): Buffer | undefined {
    const labels: string[] = []
    let end = 12
    for (let length = query[end] ?? 0; length > 0; length = query[end] ?? 0) {
      labels.push(query.toString('latin1', end + 1, end + 1 + length))
      end += 1 + length
    }
    const type = query.readUInt16BE(end + 1)
    this.questions.push(`${labels.join('.')} ${type === A ? 'A' : 'AAAA'}`)
    if (this.fault === 'silence') return undefined
    const fits = (address: string) => type === (isIPv6(address) ? AAAA : A)
    const found = this.fault === undefined ? this.addresses.filter(fits) : []
    const head = Buffer.alloc(12)
    head.writeUInt16BE(query.readUInt16BE(0), 0)
    head.writeUInt16BE(0x8180 | RCODE[this.fault ?? 'NOERROR'], 2)
    head.writeUInt16BE(1, 4)
    head.writeUInt16BE(found.length, 6)
    return Buffer.concat([head, query.subarray(12, end + 5), ...found.map((each) => record(type, each))])
  }
}

/** A record of the name in the question, with a TTL of five seconds. */
function record(type: number, address: string): Buffer {
  const data = type === A ? Buffer.from(address.split('.').map(Number)) : bytesOf(address)
  return Buffer.concat([Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 5, 0, data.length]), data])
}

/** An IPv6 address in full or with one `::`. */
function bytesOf(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::')
  const groups = (text: string) =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
  const missing = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => 0)
  const bytes = Buffer.alloc(16)
  for (const [i, group] of [...groups(head), ...missing, ...groups(tail)].entries())
    bytes.writeUInt16BE(group, 2 * i)
  return bytes
}
