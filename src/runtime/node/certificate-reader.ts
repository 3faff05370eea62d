import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import type { CertificateReader } from '../../transport/certificates.ts'

/** By Node's own modules. */
export const certificateReader: CertificateReader = {
  readFile: (path) => readFile(path, 'utf8'),
  validity({ key, cert, ca }) {
    // Throws if the text is no PEM.
    createSecureContext({ key, cert, ca })
    const certificate = new X509Certificate(cert)
    if (!certificate.checkPrivateKey(createPrivateKey(key)))
      throw new Error('the key is not that of the certificate')
    return { from: Date.parse(certificate.validFrom), to: Date.parse(certificate.validTo) }
  },
}
