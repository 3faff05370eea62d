import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type StreamHandle,
  streamHandleOf,
  writeBytes,
  writeString,
} from '../../src/runtime/node/stream-handle.ts'
import { until } from '../support/until.ts'

interface Request {
  oncomplete?: (status: number) => void
}

const LARGE = Buffer.alloc(16_777_216, 'x')

let server: Server
let socket: Socket
let client: Socket
let received: Buffer[]
const statuses: number[] = []
const observer = { onWritten: (status: number) => void statuses.push(status) }
const receivedBytes = () => received.reduce((sum, { length }) => sum + length, 0)

beforeEach(async () => {
  statuses.length = 0
  received = []
  server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  client = connect((server.address() as { port: number }).port, '127.0.0.1')
  ;[socket] = (await once(server, 'connection')) as [Socket]
  client.pause().on('data', (bytes) => received.push(bytes))
})

afterEach(() => {
  client.destroy()
  socket.destroy()
  server.close()
})

/** The stream, after a write that shows Node's class of requests. */
function knownHandle(): StreamHandle {
  streamHandleOf(socket)
  socket.write('first ')
  return streamHandleOf(socket) as StreamHandle
}

describe('the stream under a socket', () => {
  test('takes bytes and texts after those of Node, in order', async () => {
    const handle = knownHandle()
    expect(writeBytes(handle, Buffer.from('bytes '), observer)).toBe(true)
    expect(writeString(handle, 'ascii ', true, observer)).toBe(true)
    expect(writeString(handle, 'ünïcode ', false, observer)).toBe(true)
    socket.end('last')
    client.resume()
    await once(client, 'end')
    expect(Buffer.concat(received).toString()).toBe('first bytes ascii ünïcode last')
    expect(statuses).toEqual([])
  })

  test.each<[string, (handle: StreamHandle) => boolean]>([
    ['bytes', (handle) => writeBytes(handle, LARGE, observer)],
    ['a text', (handle) => writeString(handle, LARGE.toString('latin1'), true, observer)],
  ])('reports that a slow client has taken the rest of %s', async (_, write) => {
    const handle = knownHandle()
    expect(write(handle)).toBe(false)
    expect(streamHandleOf(socket)).toBeUndefined()
    expect(statuses).toEqual([])
    client.resume()
    await until('the rest is written', () => statuses.length > 0)
    expect(statuses).toEqual([0])
    expect(writeString(handle, 'end', true, observer)).toBe(true)
    await until('the client has everything', () => receivedBytes() === LARGE.length + 9)
    expect(Buffer.concat(received).toString('latin1')).toBe(`first ${LARGE.toString('latin1')}end`)
  })

  test('waits for a write whose rest the client takes before it returns, and writes again with another request', () => {
    const handle = knownHandle()
    const requests: Request[] = []
    // As libuv does where a client reads meanwhile: the request is used, and nothing waits any more.
    const write = (request: Request | null) => {
      const used: Request = request ?? ({ writeStatus: null } as Request)
      requests.push(Object.assign(used, { getAsyncId: () => requests.length }))
      return request === null ? used : 0
    }
    Object.assign(handle, { writeBuffer: write })
    const bytes = Buffer.from('bytes')
    expect([writeBytes(handle, bytes, observer), statuses]).toEqual([false, []])
    expect([writeBytes(handle, bytes, observer), statuses]).toEqual([false, []])
    expect(new Set(requests).size).toBe(2)
    for (const request of requests) request.oncomplete?.(0)
    expect(statuses).toEqual([0, 0])
  })

  test('reports the error of a write whose client disconnects', async () => {
    writeBytes(knownHandle(), LARGE, observer)
    socket.on('error', () => {})
    client.resetAndDestroy()
    await until('the write fails', () => statuses.length > 0)
    expect(statuses[0]).toBeLessThan(0)
  })

  test('reports the error of a write to a closed socket', () => {
    const handle = knownHandle()
    socket.destroy()
    expect(writeBytes(handle, Buffer.from('late'), observer)).toBe(false)
    expect(statuses).toEqual([expect.any(Number)])
    expect(statuses[0]).toBeLessThan(0)
  })

  test('is not used while Node has bytes to write', () => {
    knownHandle()
    socket.write(LARGE)
    socket.write('behind')
    expect(streamHandleOf(socket)).toBeUndefined()
  })

  test.each(['writeBuffer', 'writeLatin1String', 'writeUtf8String'])(
    'is not used where Node has no %s',
    (name) => {
      Object.assign(knownHandle(), { [name]: undefined })
      expect(streamHandleOf(socket)).toBeUndefined()
    },
  )
})
