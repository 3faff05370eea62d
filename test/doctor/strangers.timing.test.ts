import { gzipSync } from 'node:zlib'
import { afterAll, expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { diagnose } from './diagnosis.ts'
import { freePort } from './edge.ts'
import { endStrangers, GREETING, HEADERS, HOST, serveHttp, serveTcp } from './stranger.ts'

afterAll(endStrangers)

test.concurrent('nobody listens', async () => {
  const { causes, findings } = await diagnose(`http://${HOST}:${await freePort(HOST)}/events`)
  expect(causes).toEqual(['refused'])
  expect(findings).toHaveLength(1)
})

test.concurrent('a name without an address', async () => {
  // A label has at most 63 characters: no server has to be asked.
  expect((await diagnose(`http://${'x'.repeat(64)}.invalid/events`)).causes).toEqual(['dns'])
})

test.concurrent('no TLS where https is asked for', async () => {
  const url = await serveTcp((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  expect((await diagnose(url.replace('http:', 'https:'))).causes).toEqual(['tls'])
})

test.concurrent('a server that never answers is not said to buffer', async () => {
  const { causes, says } = await diagnose(await serveTcp(() => {}))
  expect(causes).toEqual(['silent'])
  expect(says('first event')).toContain('nor an answer to a HEAD request')
})

test.concurrent('a server that hangs up', async () => {
  const url = await serveTcp((socket) => socket.once('data', () => socket.destroy()))
  expect((await diagnose(url)).causes).toEqual(['no-answer'])
})

test.concurrent('a server that speaks no HTTP', async () => {
  const url = await serveTcp((socket) => socket.end('220 mail.example ESMTP\r\n'))
  expect((await diagnose(url)).causes).toEqual(['no-http'])
})

test.concurrent('a server that is slow with all it says is slow, and does not buffer', async () => {
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

test.concurrent('one Pod among several that hangs is not laid to the way', async () => {
  let clients = 0
  const url = await serveHttp((_, response) => {
    clients += 1
    if (clients > 1) response.writeHead(200, { ...HEADERS, 'sser-resume': 'gap' }).write(GREETING)
  })
  const { causes, says } = await diagnose(url)
  expect(causes).toEqual(['slow'])
  expect(says('first event')).toContain('made again')
})

test.concurrent('a status that comes late is told', async () => {
  const url = await serveHttp((_, response) => {
    setTimeout(() => response.writeHead(504).end(), 1_500)
  })
  expect((await diagnose(url)).causes).toEqual(['gateway-timeout'])
})

test.concurrent('events that come in bursts', async () => {
  const url = await serveHttp((request, response) => {
    const isBack = request.headers['last-event-id'] !== undefined
    response.writeHead(200, HEADERS)
    response.write(isBack ? GREETING.replace('sser-position', 'sser-gap') : GREETING)
    setTimeout(() => response.write('event: sser-position\ndata: {}\nid: aZ3k9h-GRc\n\n'.repeat(3)), 300)
  })
  expect((await diagnose(url)).causes).toEqual(['bursts'])
})

test.concurrent('a limit on how long a response lasts is not called an idle limit', async () => {
  const url = await serveHttp((request, response) => {
    const isBack = request.headers['last-event-id'] !== undefined
    response.writeHead(200, HEADERS)
    response.write(isBack ? GREETING.replace('sser-position', 'sser-gap') : GREETING)
    const beat = setInterval(
      () => response.write('event: sser-position\ndata: {}\nid: aZ3k9h-GRc\n\n'),
      1_000,
    )
    setTimeout(() => {
      clearInterval(beat)
      response.destroy()
    }, 2_400)
  })
  expect((await diagnose(url, { idleMs: 5_000 })).causes).toEqual(['length-cut'])
})

test.concurrent('a short limit on how long a response lasts is told from an idle limit by other clients', async () => {
  let clients = 0
  const url = await serveHttp((request, response) => {
    const isBack = request.headers['last-event-id'] !== undefined
    response.writeHead(200, HEADERS)
    response.write(isBack ? GREETING.replace('sser-position', 'sser-gap') : GREETING)
    // For the first one alone, either would do.
    clients += 1
    setTimeout(
      () => response.write('event: sser-position\ndata: {}\nid: aZ3k9h-GRc\n\n'),
      (clients * 200) % 1_500,
    )
    setTimeout(() => response.destroy(), 1_700)
  })
  expect((await diagnose(url, { idleMs: 4_000 })).causes).toEqual(['length-cut'])
})

test.concurrent('one stream that is cut, and no other, is laid to no limit', async () => {
  let clients = 0
  const url = await serveHttp((request, response) => {
    const isBack = request.headers['last-event-id'] !== undefined
    response.writeHead(200, HEADERS)
    response.write(isBack ? GREETING.replace('sser-position', 'sser-gap') : GREETING)
    clients += 1
    if (clients === 1) setTimeout(() => response.destroy(), 700)
  })
  const { causes, says } = await diagnose(url)
  expect(causes).toEqual(['cut'])
  expect(says('duration')).toContain('Ask again')
})

test.concurrent('a Pod that was not ready once, and is for ever in a cache', async () => {
  const url = await serveHttp((request, response) => {
    response.writeHead(200, HEADERS)
    if (request.url?.includes('sser-doctor=')) response.write(GREETING)
    else response.end('event: sser-retry\nretry: 2000\ndata: {}\n\n')
  })
  expect((await diagnose(url)).causes).toEqual(['cached'])
})

test.concurrent('a Pod that is not ready', async () => {
  const url = await serveHttp((_, response) =>
    response.writeHead(200, HEADERS).end('event: sser-retry\nretry: 2000\ndata: {}\n\n'),
  )
  expect((await diagnose(url)).causes).toEqual(['not-ready'])
})

test.concurrent('a Pod that stops while the doctor listens', async () => {
  const url = await serveHttp((request, response) => {
    const isBack = request.headers['last-event-id'] !== undefined
    response.writeHead(200, HEADERS)
    response.write(isBack ? GREETING.replace('sser-position', 'sser-gap') : GREETING)
    setTimeout(() => response.end('event: sser-retry\nretry: 1234\ndata: {}\n\n'), 600)
  })
  expect((await diagnose(url)).causes).toEqual(['draining'])
})

test.concurrent('a Pod that stops at once, and no other, is not laid to a cache', async () => {
  let clients = 0
  const url = await serveHttp((_, response) => {
    response.writeHead(200, HEADERS)
    clients += 1
    if (clients === 1) response.end(`${GREETING}event: sser-retry\nretry: 1234\ndata: {}\n\n`)
    else response.write(GREETING)
  })
  expect((await diagnose(url)).causes).toEqual(['draining'])
})

test.concurrent('an event stream of somebody else', async () => {
  const url = await serveHttp((_, response) => response.writeHead(200, HEADERS).write('data: hello\n\n'))
  expect((await diagnose(url)).causes).toEqual(['not-sser'])
})

test.concurrent('an event without data does not count, as it does not in a browser', async () => {
  const url = await serveHttp((_, response) => {
    response.writeHead(200, HEADERS).write('event: sser-position\nid: aZ3k9h-GRc\n\n')
    response.write('data: hello\n\n')
  })
  expect((await diagnose(url)).causes).toEqual(['not-sser'])
})

test.concurrent('line breaks of CR and of CRLF count, also where a chunk ends between CR and LF', async () => {
  const url = await serveHttp((request, response) => {
    const isBack = request.headers['last-event-id'] !== undefined
    response.writeHead(200, HEADERS)
    if (isBack) response.write(GREETING.replace('sser-position', 'sser-gap').replaceAll('\n', '\r'))
    else for (const character of GREETING.replaceAll('\n', '\r\n')) response.write(character)
  })
  expect((await diagnose(url)).causes).toEqual([])
})

test.concurrent('a quiet event stream that nobody says is of sser is not said to be buffered', async () => {
  const url = await serveHttp((request, response) => {
    response.writeHead(200, HEADERS).flushHeaders()
    if (request.method === 'HEAD') response.end()
  })
  const { causes, says } = await diagnose(url)
  expect(causes).toEqual(['silent'])
  expect(says('first event')).toContain('or this is not sser')
})

test.concurrent.each(['text/event-stream', 'text/html'])(
  'endless %s without a block is left, whatever it holds',
  async (type) => {
    let written = 0
    let isGone = false
    const url = await serveHttp((_, response) => {
      response.writeHead(200, { 'content-type': type })
      response.on('close', () => {
        isGone = true
      })
      const write = () => {
        let isTaken = true
        while (!isGone && isTaken) {
          isTaken = response.write('x'.repeat(65_536))
          written += 65_536
        }
      }
      response.on('drain', write)
      write()
    })
    expect((await diagnose(url)).causes).toEqual(['not-sser'])
    await until('the doctor has left', () => isGone)
    expect(written).toBeLessThan(12_000_000)
  },
)

test.concurrent('what a server says does not reach the terminal as it is', async () => {
  const url = await serveHttp((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('\u001b[2J\u001b]0;mine\u0007hello\nthere')
  })
  const { causes, says } = await diagnose(url)
  expect(causes).toEqual(['not-sser'])
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  expect(says('sser')).not.toMatch(/[\u0000-\u001f]/)
})

test.concurrent("the user's headers do not follow a redirect to another host", async () => {
  const seen: (string | undefined)[] = []
  const other = await serveHttp((request, response) => {
    seen.push(request.headers.cookie)
    response.writeHead(404).end()
  })
  const url = await serveHttp((_, response) => response.writeHead(302, { location: other }).end())
  expect((await diagnose(url, { headers: { cookie: 'me=1' } })).causes).toEqual(['redirect'])
  expect(seen).toEqual([undefined])
})

// Alone: it looks at the memory of the whole process.
test('what is small on the wire and large without end is left as well', async () => {
  const bomb = gzipSync(Buffer.alloc(128 * 1_048_576, 'x'))
  const before = process.memoryUsage().rss
  const url = await serveHttp((_, response) => {
    response.writeHead(200, { ...HEADERS, 'content-encoding': 'gzip' }).write(bomb)
  })
  expect((await diagnose(url)).causes).toEqual(['not-sser'])
  expect(process.memoryUsage().rss - before).toBeLessThan(64 * 1_048_576)
})
