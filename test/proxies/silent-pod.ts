// Listens, and is stopped by its test before it accepts a connection: an address that neither accepts nor refuses.
import { createServer } from 'node:net'

const { HOST = '', PORT = '' } = process.env
// The shortest queue that Node passes to the kernel as it is.
createServer().listen({ host: HOST, port: Number(PORT), backlog: 1 }, () => {
  console.log(`listening on http://${HOST}:${PORT}`)
})
