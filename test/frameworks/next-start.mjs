// `next start`, as a Pod whose start the tests await.
const { HOST, PORT } = process.env
const url = `http://${HOST}:${PORT}`

process.argv.push('start', import.meta.dirname, '--hostname', HOST, '--port', PORT)
await import('next/dist/bin/next')
while (!(await fetch(url).catch(() => undefined))) await new Promise((resolve) => setTimeout(resolve, 100))
console.log(`listening on ${url}`)
