import { sser } from '../../lib/sser'

export async function POST(request: Request) {
  const stream = new URL(request.url).searchParams.get('stream') ?? ''
  return Response.json(await sser.send(stream, await request.text()), { status: 202 })
}
