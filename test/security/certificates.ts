import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const CONFIG = `[ca]
default_ca=d
[d]
database=index
serial=serial
new_certs_dir=new
default_md=sha256
policy=p
unique_subject=no
x509_extensions=e
[p]
commonName=supplied
[e]
subjectAltName=DNS:pods
`

/** An authority that issues certificates of chosen validity, in a folder of its own. Needs openssl. */
export class Authority {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'sser-ca-'))

  constructor() {
    mkdirSync(join(this.folder, 'new'))
    writeFileSync(join(this.folder, 'index'), '')
    writeFileSync(join(this.folder, 'serial'), '01')
    writeFileSync(join(this.folder, 'ca.cnf'), CONFIG)
    this.#run(`req -x509 ${KEY} -keyout ca.key -out ca.crt -days 2 -subj /CN=ca`)
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  /** Gives the Pods that read {@link podFiles} the certificate of that name. */
  use(name: string): void {
    for (const kind of ['key', 'crt']) copyFileSync(this.path(`${name}.${kind}`), this.path(`pod.${kind}`))
  }

  get podFiles(): { keyFile: string; certFile: string; caFile: string; servername: string } {
    const [keyFile, certFile, caFile] = [this.path('pod.key'), this.path('pod.crt'), this.path('ca.crt')]
    return { keyFile, certFile, caFile, servername: 'pods' }
  }

  text(name: string): string {
    return readFileSync(this.path(name), 'utf8')
  }

  /** Writes `NAME.key` and `NAME.crt`, valid since an hour ago until in `seconds`. */
  issue(name: string, seconds: number): void {
    this.#run(`req ${KEY} -keyout ${name}.key -out csr -subj /CN=pods`)
    const at = (ms: number) => `${new Date(ms).toISOString().replace(/[-:T]|\..*$/g, '')}Z`
    const from = at(Date.now() - 3_600_000)
    const to = at(Date.now() + seconds * 1_000)
    this.#run(
      `ca -config ca.cnf -batch -notext -in csr -cert ca.crt -keyfile ca.key -out ${name}.crt -startdate ${from} -enddate ${to}`,
    )
  }

  remove(): void {
    rmSync(this.folder, { recursive: true })
  }

  #run(args: string): void {
    execFileSync('openssl', args.split(' '), { cwd: this.folder, stdio: 'ignore' })
  }
}

const KEY = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
