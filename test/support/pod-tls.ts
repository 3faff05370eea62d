import { readFileSync } from 'node:fs'
import type { PeerTls } from '../../src/transport/certificates.ts'

const pem = (name: string) => readFileSync(new URL(`../security/tls/${name}`, import.meta.url), 'utf8')

/** The certificate that the Pods of a test share, for both sides of a connection. */
export const podTls: PeerTls = {
  key: pem('pod.key'),
  cert: pem('pod.crt'),
  ca: pem('pod-ca.crt'),
  servername: 'sser-pod',
}
