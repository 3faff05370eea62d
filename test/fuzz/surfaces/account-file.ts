import { rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AccountFile,
  AccountFileError,
  readAccountFile,
} from '../../../src/discovery/kubernetes/credentials.ts'
import { fieldsOf, type Json, type Surface, textOf } from '../surface.ts'

const file = join(tmpdir(), `sser-fuzz-${process.pid}`)
const CERTIFICATE = '-----BEGIN CERTIFICATE-----\nMIIB\nAgEA\n-----END CERTIFICATE-----\n'
const KINDS: readonly Json[] = ['token', 'ca.crt', 'namespace']

/** A file of a ServiceAccount. */
export const accountFile: Surface<string | undefined> = {
  name: 'account-file',
  corpus: [
    { kind: 'token', text: 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln\n' },
    { kind: 'ca.crt', text: CERTIFICATE.repeat(2) },
    { kind: 'namespace', text: 'shop' },
  ],
  words: [
    CERTIFICATE,
    '-----BEGIN CERTIFICATE-----',
    '-----END',
    '\r\nx-evil: 1',
    'token',
    'ca.crt',
    'namespace',
  ],
  async run(input) {
    const { kind, text } = fieldsOf(input)
    if (!KINDS.includes(kind as Json)) return undefined
    writeFileSync(file, Buffer.from(textOf(text), 'latin1'))
    try {
      const read = await readAccountFile(file, kind as AccountFile)
      // The header and the path must accept the text.
      if (kind === 'token') new Headers({ authorization: `Bearer ${read}` })
      if (kind === 'namespace' && new URL(`https://x/a/${read}/b`).pathname !== `/a/${read}/b`)
        return 'another path'
      return read === '' ? 'empty' : undefined
    } catch (error) {
      if (error instanceof AccountFileError) return undefined
      throw error
    } finally {
      rmSync(file)
    }
  },
  invariant: (wrong) => wrong,
}
