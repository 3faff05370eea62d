// Nest on Express: tsc, then node nest.js
import 'reflect-metadata'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Body, Controller, Get, HttpCode, Inject, Module, Post, Query, Req, Res } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import type { NestExpressApplication } from '@nestjs/platform-express'
import { Sser, StaticPeerFinder } from 'sser'
import { join, toNodeHandler } from 'sser/node'

const { HOST = '127.0.0.1', PORT = '8000', INTERNAL_PORT = '7000', PEERS = HOST } = process.env
const sser = new Sser({
  peerFinder: new StaticPeerFinder(PEERS.split(',')),
  internalPort: Number(INTERNAL_PORT),
  maxConnectionsPerAddress: 20,
})
const events = toNodeHandler(sser)

@Controller()
class OrdersController {
  readonly #sser: Sser

  constructor(@Inject(Sser) instance: Sser) {
    this.#sser = instance
  }

  // With @Res() Nest leaves the response to the handler. Guards and middleware run before it; interceptors see no event.
  @Get('events')
  events(@Req() req: IncomingMessage, @Res() res: ServerResponse) {
    return events(req, res)
  }

  @Post('send')
  @HttpCode(202)
  send(@Query('stream') stream: string, @Body() message: string) {
    return this.#sser.send(stream, message)
  }
}

@Module({ controllers: [OrdersController], providers: [{ provide: Sser, useValue: sser }] })
class AppModule {}

const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: ['error', 'warn'] })
app.useBodyParser('text', { type: () => true })
// Without app.enableShutdownHooks(): a signal would close the app before its event streams have ended.
await join({ sser, server: app.getHttpServer(), beforeFlush: () => app.close(), internalHostname: HOST })
await app.listen(Number(PORT), HOST)
console.log(`listening on http://${HOST}:${PORT}`)
