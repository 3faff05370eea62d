import type { Socket } from 'node:net'

/** Node's object for one write, as far as it is used here. */
interface WriteRequest {
  oncomplete?: (this: WriteRequest, status: number) => void
  /** Keeps the bytes in memory until the kernel has taken them. */
  buffer?: Uint8Array | string
  observer?: WriteObserver
}

type Write = (request: WriteRequest, data: Uint8Array | string) => number

/**
 * libuv's stream under a socket of Node, as far as it is used here. A method passes the kernel as many bytes as it takes
 * now, and the rest later: only then it uses the request, and completes it. It returns 0, or the negative number of an
 * error.
 */
export interface StreamHandle {
  /** Number of bytes that the kernel has not taken yet. */
  readonly writeQueueSize: number
  writeBuffer: Write
  writeLatin1String: Write
  writeUtf8String: Write
}

/** Observes a write that the kernel did not take at once. */
export interface WriteObserver {
  /** The kernel has taken the rest, or `status` is the negative number of an error. */
  onWritten(status: number): void
}

const METHODS = ['writeBuffer', 'writeLatin1String', 'writeUtf8String'] as const

/** Node's class of {@link WriteRequest}, which it does not export. */
let RequestClass: (new () => WriteRequest) | undefined
/** The request of the next write: the kernel takes nearly every chunk at once, which leaves the request unused. */
let unused: WriteRequest | undefined

/**
 * Returns the stream under a TCP socket, to write to it past Node's `Writable`, which costs as much as all of this
 * package's work for a delivery. Undefined where Node has other internals than expected, and while Node itself has bytes
 * to write, because later ones would overtake them.
 */
export function streamHandleOf(socket: Socket): StreamHandle | undefined {
  const handle = (socket as { _handle?: StreamHandle | null })._handle
  if (handle?.constructor.name !== 'TCP' || METHODS.some((name) => typeof handle[name] !== 'function'))
    return undefined
  if (socket.writableLength > 0 || socket.writableCorked > 0 || handle.writeQueueSize !== 0) return undefined
  if (RequestClass === undefined) observeRequest(handle)
  return RequestClass === undefined ? undefined : handle
}

/** Writes bytes. Returns true if the kernel took all of them; otherwise calls the observer, at once for an error. */
export function writeBytes(handle: StreamHandle, bytes: Uint8Array, observer: WriteObserver): boolean {
  unused ??= newRequest()
  return isTaken(handle, handle.writeBuffer(unused, bytes), bytes, observer)
}

/** Writes a text as {@link writeBytes} does. */
export function writeString(
  handle: StreamHandle,
  text: string,
  isAscii: boolean,
  observer: WriteObserver,
): boolean {
  unused ??= newRequest()
  const status = isAscii ? handle.writeLatin1String(unused, text) : handle.writeUtf8String(unused, text)
  return isTaken(handle, status, text, observer)
}

function isTaken(
  handle: StreamHandle,
  status: number,
  data: Uint8Array | string,
  observer: WriteObserver,
): boolean {
  if (status !== 0) {
    observer.onWritten(status)
    return false
  }
  if (handle.writeQueueSize === 0) return true
  const request = unused as WriteRequest
  unused = undefined
  request.buffer = data
  request.observer = observer
  return false
}

function newRequest(): WriteRequest {
  const request = new (RequestClass as new () => WriteRequest)()
  request.oncomplete = onComplete
  return request
}

function onComplete(this: WriteRequest, status: number): void {
  this.observer?.onWritten(status)
}

/** Takes Node's class of requests from its own next write to the stream. */
function observeRequest(handle: StreamHandle): void {
  for (const name of METHODS) {
    handle[name] = (request, data) => {
      RequestClass = request.constructor as new () => WriteRequest
      // The methods of the prototype again.
      for (const each of METHODS) Reflect.deleteProperty(handle, each)
      return handle[name](request, data)
    }
  }
}
