import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './run.ts'

const EC = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']

/** Paths of the files of a certificate and its key. */
export interface KeyPair {
  certificate: string
  key: string
}

/** Creates a CA: a self-signed certificate that can sign others. */
export async function makeAuthority(folder: string, name: string): Promise<KeyPair> {
  const pair = filesOf(folder, name)
  const usage = ['-addext', 'keyUsage=critical,keyCertSign,cRLSign']
  await openssl('req', '-x509', ...EC, '-subj', `/CN=sser rig ${name}`, ...usage, ...out(pair))
  return pair
}

/** Creates a certificate for a server with these addresses, signed by `authority`. */
export async function makeCertificate(
  folder: string,
  name: string,
  authority: KeyPair,
  addresses: readonly string[],
): Promise<KeyPair> {
  const pair = filesOf(folder, name)
  const names = addresses.map((address) => `IP:${address}`).join()
  const extensions = ['-addext', 'basicConstraints=CA:FALSE', '-addext', `subjectAltName=${names}`]
  const signer = ['-CA', authority.certificate, '-CAkey', authority.key]
  await openssl('req', '-x509', ...signer, ...EC, '-subj', `/CN=${name}`, ...extensions, ...out(pair))
  return pair
}

/** Creates the keys that sign and verify ServiceAccount tokens. */
export function makeSigningKeys(folder: string, name: string): { privateKey: string; publicKey: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  })
  const files = { privateKey: join(folder, `${name}.key`), publicKey: join(folder, `${name}.pub`) }
  writeFileSync(files.privateKey, privateKey)
  writeFileSync(files.publicKey, publicKey)
  return files
}

function filesOf(folder: string, name: string): KeyPair {
  return { certificate: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) }
}

function out({ certificate, key }: KeyPair): string[] {
  return ['-out', certificate, '-keyout', key]
}

function openssl(...args: string[]): Promise<string> {
  return run('openssl', args)
}
