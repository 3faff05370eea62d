import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { diagnose } from './diagnosis.ts'
import {
  endServers,
  GAP,
  GREETING,
  HEADERS,
  HOST,
  openEventStream,
  serveHttp,
  serveTcp,
} from './fake-server.ts'
import { freePort } from './nginx.ts'

afterAll(endServers)

test.concurrent('reports a closed port as refused, and makes no further check', async () => {
  const { causes, findings } = await diagnose(`http://${HOST}:${await freePort(HOST)}/events`)
  expect(causes).toEqual(['refused'])
  expect(findings).toHaveLength(1)
})

test.concurrent('reports a name that has no address', async () => {
  // A label has at most 63 characters, so the resolver rejects this one without a query.
  expect((await diagnose(`http://${'x'.repeat(64)}.invalid/events`)).causes).toEqual(['dns'])
})

test.concurrent('reports a server without TLS behind an https URL', async () => {
  const url = await serveTcp((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  expect((await diagnose(url.replace('http:', 'https:'))).causes).toEqual(['tls'])
})

test.concurrent('does not blame buffering if HEAD gets no response either', async () => {
  const { causes, message } = await diagnose(await serveTcp(() => {}))
  expect(causes).toEqual(['silent'])
  expect(message('first event')).toContain('no response to HEAD in time either')
})

test.concurrent('reports a server that closes the connection without a response', async () => {
  const url = await serveTcp((socket) => socket.once('data', () => socket.destroy()))
  expect((await diagnose(url)).causes).toEqual(['no-answer'])
})

test.concurrent('reports a server that does not speak HTTP', async () => {
  const url = await serveTcp((socket) => socket.end('220 mail.example ESMTP\r\n'))
  expect((await diagnose(url)).causes).toEqual(['no-http'])
})

test.concurrent('reports a server whose every response is slow as slow, not as buffering', async () => {
  const url = await serveHttp((request, response) => {
    setTimeout(() => {
      response.writeHead(200, { ...HEADERS, 'sser-resume': 'gap' })
      if (request.method === 'HEAD') response.end()
      else response.write(GREETING)
    }, 1_500)
  })
  const { causes } = await diagnose(url)
  expect(causes).toContain('slow')
  expect(causes).not.toContain('buffered')
})

test.concurrent('blames one Pod if the same request sent again gets an event', async () => {
  let clients = 0
  const url = await serveHttp((_, response) => {
    clients += 1
    if (clients > 1) response.writeHead(200, { ...HEADERS, 'sser-resume': 'gap' }).write(GREETING)
  })
  const { causes, message } = await diagnose(url)
  expect(causes).toEqual(['slow'])
  expect(message('first event')).toContain('sent again')
})

test.concurrent('explains a status that arrives after the time limit', async () => {
  const url = await serveHttp((_, response) => {
    setTimeout(() => response.writeHead(504).end(), 1_500)
  })
  expect((await diagnose(url)).causes).toEqual(['gateway-timeout'])
})

test.concurrent('reports heartbeats that arrive together', async () => {
  const url = await serveHttp((request, response) => {
    openEventStream(request, response)
    setTimeout(() => response.write('event: sser-position\ndata: {}\nid: aZ3k9h-GRc\n\n'.repeat(3)), 300)
  })
  expect((await diagnose(url)).causes).toEqual(['bursts'])
})

test.concurrent('tells a limit on the duration of a response from an idle timeout', async () => {
  const url = await serveHttp((request, response) => {
    openEventStream(request, response)
    const beat = setInterval(
      () => response.write('event: sser-position\ndata: {}\nid: aZ3k9h-GRc\n\n'),
      1_000,
    )
    setTimeout(() => {
      clearInterval(beat)
      response.destroy()
    }, 2_400)
  })
  expect((await diagnose(url, { durationMs: 5_000 })).causes).toEqual(['length-cut'])
})

// Not concurrent, because other tests would delay some of its clients by more than the tolerance.
test('compares several clients to tell a short limit from an idle timeout', async () => {
  let clients = 0
  const url = await serveHttp((request, response) => {
    openEventStream(request, response)
    // One client alone cannot tell the two limits apart.
    clients += 1
    setTimeout(
      () => response.write('event: sser-position\ndata: {}\nid: aZ3k9h-GRc\n\n'),
      (clients * 200) % 1_500,
    )
    setTimeout(() => response.destroy(), 1_700)
  })
  expect((await diagnose(url, { durationMs: 4_000 })).causes).toEqual(['length-cut'])
})

test.concurrent('blames no limit if only one of several streams is cut', async () => {
  let clients = 0
  const url = await serveHttp((request, response) => {
    openEventStream(request, response)
    clients += 1
    if (clients === 1) setTimeout(() => response.destroy(), 700)
  })
  const { causes, message } = await diagnose(url)
  expect(causes).toEqual(['cut'])
  expect(message('duration')).toContain('Run the doctor again')
})

test.concurrent('finds a cache that keeps the response of a Pod that was not ready', async () => {
  const url = await serveHttp((request, response) => {
    response.writeHead(200, HEADERS)
    if (request.url?.includes('sser-doctor=')) response.write(GREETING)
    else response.end('event: sser-retry\nretry: 2000\ndata: {}\n\n')
  })
  expect((await diagnose(url)).causes).toEqual(['cached'])
})

test.concurrent('reports a Pod that is not ready', async () => {
  const url = await serveHttp((_, response) =>
    response.writeHead(200, HEADERS).end('event: sser-retry\nretry: 2000\ndata: {}\n\n'),
  )
  expect((await diagnose(url)).causes).toEqual(['not-ready'])
})

test.concurrent('reports a limit that sser answers with a stream of one block', async () => {
  const headers = { ...HEADERS, 'sser-error': 'too-many-connections' }
  const url = await serveHttp((_, response) =>
    response.writeHead(200, headers).end('event: sser-retry\nretry: 7000\ndata: {}\n\n'),
  )
  const { causes, message } = await diagnose(url)
  expect(causes).toEqual(['refused-by-sser'])
  expect(message('status')).toBe('200 from sser (too-many-connections): clients are told to come back later')
})

test.concurrent('reports a Pod that drains during the recording', async () => {
  const url = await serveHttp((request, response) => {
    openEventStream(request, response)
    setTimeout(() => response.end('event: sser-retry\nretry: 1234\ndata: {}\n\n'), 600)
  })
  expect((await diagnose(url)).causes).toEqual(['draining'])
})

test.concurrent('does not blame a cache if only one Pod drains at once', async () => {
  let clients = 0
  const url = await serveHttp((_, response) => {
    response.writeHead(200, HEADERS)
    clients += 1
    if (clients === 1) response.end(`${GREETING}event: sser-retry\nretry: 1234\ndata: {}\n\n`)
    else response.write(GREETING)
  })
  expect((await diagnose(url)).causes).toEqual(['draining'])
})

test.concurrent('recognises the event stream of another server', async () => {
  const url = await serveHttp((_, response) => response.writeHead(200, HEADERS).write('data: hello\n\n'))
  expect((await diagnose(url)).causes).toEqual(['not-sser'])
})

test.concurrent('counts the silence up to the end of the recording', async () => {
  const url = await serveHttp((request, response) => {
    openEventStream(request, response)
  })
  const { message } = await diagnose(url)
  expect(message('duration')).toContain('open for 1.0 s')
  expect(message('duration')).not.toMatch(/silence \d{1,2} ms/)
})

test.concurrent('ignores an event without data, as browsers do', async () => {
  const url = await serveHttp((_, response) => {
    response.writeHead(200, HEADERS).write('event: sser-position\nid: aZ3k9h-GRc\n\n')
    response.write('data: hello\n\n')
  })
  expect((await diagnose(url)).causes).toEqual(['not-sser'])
})

test.concurrent('accepts CR and CRLF as line breaks, also if a chunk ends between CR and LF', async () => {
  const url = await serveHttp((request, response) => {
    const isReconnect = request.headers['last-event-id'] !== undefined
    response.writeHead(200, HEADERS)
    if (isReconnect) response.write(GAP.replaceAll('\n', '\r'))
    else for (const character of GREETING.replaceAll('\n', '\r\n')) response.write(character)
  })
  expect((await diagnose(url)).causes).toEqual([])
})

test.concurrent('does not blame buffering if HEAD gets a response without Sser-Resume', async () => {
  const url = await serveHttp((request, response) => {
    response.writeHead(200, HEADERS).flushHeaders()
    if (request.method === 'HEAD') response.end()
  })
  const { causes, message } = await diagnose(url)
  expect(causes).toEqual(['silent'])
  expect(message('first event')).toContain('or this is not sser')
})

test.concurrent.each(['text/event-stream', 'text/html'])(
  'stops reading an endless %s without an event',
  async (type) => {
    let written = 0
    let isClosed = false
    const url = await serveHttp((_, response) => {
      response.writeHead(200, { 'content-type': type })
      response.on('close', () => {
        isClosed = true
      })
      const write = () => {
        let isTaken = true
        while (!isClosed && isTaken) {
          isTaken = response.write('x'.repeat(65_536))
          written += 65_536
        }
      }
      response.on('drain', write)
      write()
    })
    expect((await diagnose(url)).causes).toEqual(['not-sser'])
    await until('the doctor closes the connection', () => isClosed)
    expect(written).toBeLessThan(12_000_000)
  },
)

test.concurrent('removes control characters from the text of a server', async () => {
  const url = await serveHttp((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('\u001b[2J\u001b]0;mine\u0007hello\nthere')
  })
  const { causes, message } = await diagnose(url)
  expect(causes).toEqual(['not-sser'])
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the test looks for control characters
  expect(message('sser')).not.toMatch(/[\u0000-\u001f]/)
})

test.concurrent('sends the headers of the user to no other host after a redirect', async () => {
  const seen: (string | undefined)[] = []
  const other = await serveHttp((request, response) => {
    seen.push(request.headers.cookie)
    response.writeHead(404).end()
  })
  const url = await serveHttp((_, response) => response.writeHead(302, { location: other }).end())
  expect((await diagnose(url, { headers: { cookie: 'me=1' } })).causes).toEqual(['redirect'])
  expect(seen).toEqual([undefined])
})

// Not concurrent, because it measures the memory of the whole process.
test('stops reading a small compressed response that expands without end', async () => {
  const bomb = gzipSync(Buffer.alloc(128 * 1_048_576, 'x'))
  const before = process.memoryUsage().rss
  const url = await serveHttp((_, response) => {
    response.writeHead(200, { ...HEADERS, 'content-encoding': 'gzip' }).write(bomb)
  })
  expect((await diagnose(url)).causes).toEqual(['not-sser'])
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1_048_576)
})
