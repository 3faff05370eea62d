import type { Socket } from 'node:net'

/** Node's object for one write, as far as it is used here. */
interface WriteRequest {
  oncomplete?: (this: WriteRequest, status: number) => void
  /** Status of a write that completed before {@link oncomplete} was set; else null, and undefined before Node 26. */
  writeStatus?: number | null
  /** Negative until a write uses the request. Node fills the request itself, so only this tells, even once all is written. */
  getAsyncId?: () => number
  /** Keeps the bytes in memory until the kernel has taken them. */
  buffer?: Uint8Array | string
  observer?: WriteObserver
}

type Write = (request: WriteRequest | null, data: Uint8Array | string) => number | WriteRequest

/**
 * libuv's stream under a socket of Node, as far as it is used here. A method passes the kernel as many bytes as it takes
 * now, and the rest later: only then it uses the request, or returns one of its own from Node 26 on, and completes it. It
 * returns 0, or the negative number of an error.
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

/** Node's class of {@link WriteRequest}, which it does not export; null where the methods make the requests. */
let RequestClass: (new () => WriteRequest) | null | undefined
/** True where the methods have neither way with requests. */
let isOther = false
/** The request of the next write: the kernel takes nearly every chunk at once, which leaves the request unused. */
let unused: WriteRequest | null = null

/**
 * Returns the stream under a TCP socket, to write to it past Node's `Writable`, which costs as much as all of this
 * package's work for a delivery. Undefined where Node has other internals than expected, and while Node itself has bytes
 * to write, because later ones would overtake them.
 */
export function streamHandleOf(socket: Socket): StreamHandle | undefined {
  const handle = (socket as { _handle?: StreamHandle | null })._handle
  if (
    isOther ||
    handle?.constructor.name !== 'TCP' ||
    METHODS.some((name) => typeof handle[name] !== 'function')
  )
    return undefined
  if (socket.writableLength > 0 || socket.writableCorked > 0 || handle.writeQueueSize !== 0) return undefined
  if (RequestClass === undefined) observeRequest(handle)
  return RequestClass === undefined ? undefined : handle
}

/** Writes bytes. Returns true if the kernel took all of them; otherwise calls the observer, at once for an error. */
export function writeBytes(handle: StreamHandle, bytes: Uint8Array, observer: WriteObserver): boolean {
  unused ??= newRequest()
  return isTaken(handle.writeBuffer(unused, bytes), bytes, observer)
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
  return isTaken(status, text, observer)
}

function isTaken(result: number | WriteRequest, data: Uint8Array | string, observer: WriteObserver): boolean {
  if (result !== 0 && typeof result === 'number') {
    // Node may have used it.
    unused = null
    observer.onWritten(result)
    return false
  }
  // Not the number of bytes that wait: a client that reads meanwhile takes the rest at once, and the request completes later.
  if (result === 0 && (unused === null || !isUsed(unused))) return true
  const request = result === 0 ? (unused as WriteRequest) : result
  unused = null
  if (typeof request.writeStatus === 'number') {
    observer.onWritten(request.writeStatus)
    return false
  }
  request.oncomplete = onComplete
  request.buffer = data
  request.observer = observer
  return false
}

/** A second write with a used request would abort the process. */
function isUsed(request: WriteRequest): boolean {
  return (request as Required<WriteRequest>).getAsyncId() >= 0
}

function newRequest(): WriteRequest | null {
  return RequestClass ? new RequestClass() : null
}

function onComplete(this: WriteRequest, status: number): void {
  this.observer?.onWritten(status)
}

/** Learns from Node's own next write to the stream how the methods handle requests. */
function observeRequest(handle: StreamHandle): void {
  for (const name of METHODS) {
    handle[name] = (request, data) => {
      // The methods of the prototype again.
      for (const each of METHODS) Reflect.deleteProperty(handle, each)
      const result = handle[name](request, data)
      if (typeof request?.getAsyncId === 'function' && typeof result === 'number')
        RequestClass = request.constructor as new () => WriteRequest
      else if (request === null && (typeof result === 'number' || typeof result?.writeStatus !== 'undefined'))
        RequestClass = null
      else isOther = true
      return result
    }
  }
}
