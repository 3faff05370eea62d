// Type of the export `server` of a file in bench/servers/. The bench runs it in a separate process: see host.ts.

/** A server under load. It serves `GET /events?stream=S` as SSE, and `POST /send?stream=S` sends. */
export interface BenchServer {
  /** Name of the row. */
  name: string
  /** Default: node. */
  runtime?: 'node' | 'bun'
  /** Missing program, if any. The bench then skips the row and names the program. */
  missing?(): string | undefined
  /** `false` if one request cannot send several events: the figure of bursts then omits the row. */
  sendsBursts?: false
  /**
   * Listens on 127.0.0.1. Each line of a body that is posted to `/send` MUST become one event, all in one turn.
   * Returns, or resolves with, an array of the pids to measure; anything else: measure this process.
   */
  serve(port: number, options: Readonly<Record<string, unknown>>): unknown
}
