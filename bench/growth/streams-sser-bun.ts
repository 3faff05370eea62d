import type { BenchServer } from '../harness/bench-server.ts'
import { server as onNode } from './streams-sser.ts'

export const server: BenchServer = { ...onNode, name: '**sser on Bun**', runtime: 'bun' }
