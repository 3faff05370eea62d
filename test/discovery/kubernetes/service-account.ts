import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bareEnvironment } from '../environment.ts'
import { CA } from './api-server.ts'

/** Environment and files of a Pod in the namespace `shop`, until `end()`. */
export class ServiceAccount {
  readonly dir: string
  readonly #restore = bareEnvironment()

  constructor(port: number) {
    this.dir = mkdtempSync(join(tmpdir(), 'sser-'))
    this.write('token', 'first-token\n')
    this.write('ca.crt', CA)
    this.write('namespace', 'shop')
    process.env.KUBERNETES_SERVICE_HOST = '127.0.0.1'
    process.env.KUBERNETES_SERVICE_PORT = `${port}`
  }

  write(name: 'token' | 'ca.crt' | 'namespace', text: string): void {
    writeFileSync(join(this.dir, name), text)
  }

  /** Writes `~/.kube/config` for a home in the same folder. */
  writeHome(config: string): void {
    mkdirSync(join(this.dir, '.kube'))
    writeFileSync(join(this.dir, '.kube', 'config'), config)
  }

  remove(name: 'token' | 'ca.crt' | 'namespace'): void {
    rmSync(join(this.dir, name))
  }

  end(): void {
    rmSync(this.dir, { recursive: true })
    this.#restore()
  }
}
