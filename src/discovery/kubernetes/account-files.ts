import { readFile } from 'node:fs/promises'

/** What a Pod's ServiceAccount has, a file each. */
export type AccountFile = 'token' | 'ca.crt' | 'namespace'

/** What each file must hold, and what to call that. */
const FILES: Readonly<Record<AccountFile, readonly [RegExp, string]>> = {
  /** A header can carry nothing else. */
  token: [/^[!-~]+$/, 'no token'],
  /** Without a certificate both runtimes would trust every public authority instead, and send it the token. */
  'ca.crt': [/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/, 'no certificate'],
  namespace: [/^[a-z0-9-]{1,63}$/, 'no name of a namespace'],
}

/** A file is there and does not hold what it should, as while somebody writes it. The next request reads it again. */
export class AccountFileError extends Error {
  override readonly name = 'AccountFileError'
}

/** What a file of a ServiceAccount says, without the line break at its end. @throws AccountFileError, naming it. */
export async function readAccountFile(path: string, kind: AccountFile): Promise<string> {
  const text = (await readFile(path, 'utf8')).trim()
  const [pattern, lack] = FILES[kind]
  if (!pattern.test(text)) {
    throw new AccountFileError(
      `The file ${path} holds ${lack}: ${text === '' ? 'it is empty' : 'it is something else'}`,
    )
  }
  return text
}
