import { sser } from '../../../lib/sser'

// The same endpoint as a route handler, for hosts without a custom server. It has no address of the client.
export const dynamic = 'force-dynamic'
export const GET = (request: Request) => sser.handler(request)
