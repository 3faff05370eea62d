import { type Clock, systemClock } from '../clock.ts'
import { describe, SserError } from '../errors.ts'

/** Certificate of a Pod, as server and as client, and the authority of the fleet's certificates, all as PEM. */
export interface PeerTls {
  key: string
  cert: string
  /** Authority that signs the certificates of the fleet. It MUST sign no others. */
  ca: string
  /** Name in every peer's certificate. Addresses are not verified, because a Pod's changes. */
  servername: string
}

/** The same as paths of PEM files, such as those of a mounted Secret. Each renewal is read. */
export interface PeerTlsFiles {
  keyFile: string
  certFile: string
  /** See {@link PeerTls.ca}. */
  caFile: string
  /** See {@link PeerTls.servername}. */
  servername: string
}

/**
 * Value of `internalTls`. Files are read again, and a function is called again, once a minute, and more often shortly
 * before the certificate expires. A plain {@link PeerTls} stays until the Pod is replaced.
 */
export type PeerTlsSource = PeerTls | PeerTlsFiles | (() => PeerTls | Promise<PeerTls>)

/** Functions of the runtime that read certificates. */
export interface CertificateReader {
  readFile(path: string): Promise<string>
  /** Validity of the certificate, in milliseconds of Unix time. Throws where the key is not the certificate's. */
  validity(tls: PeerTls): { from: number; to: number }
}

/** Bounds of the time until the next reading, which is half of the certificate's remaining time, in milliseconds. */
const MIN_READ_MS = 1_000
const MAX_READ_MS = 60_000
/** Maximum after a failed reading, in milliseconds. */
const RETRY_MS = 5_000
/** A warning is due when less than this part of the certificate's validity remains. */
const WARN_PART = 0.1

/** The current certificate of this Pod, read again before it expires. */
export class PeerCertificates {
  readonly #source: PeerTlsSource
  readonly #reader: CertificateReader
  readonly #clock: Clock
  #current: PeerTls
  #validity: { from: number; to: number }
  #readError: string | undefined
  #cancel: (() => void) | undefined
  #isStopped = false
  readonly #listeners: ((tls: PeerTls) => void)[] = []
  /** Called after each reading with advice to the operator, if there is any. */
  onWarning: (message: string) => void = () => {}

  private constructor(source: PeerTlsSource, reader: CertificateReader, tls: PeerTls, clock: Clock) {
    this.#source = source
    this.#reader = reader
    this.#clock = clock
    this.#current = tls
    this.#validity = reader.validity(tls)
    if (isRenewable(source)) this.#schedule()
  }

  /** @throws SserError `invalid-options` where the certificate cannot be read, or the key is another one's. */
  static async read(
    source: PeerTlsSource,
    reader: CertificateReader,
    clock: Clock = systemClock,
  ): Promise<PeerCertificates> {
    try {
      return new PeerCertificates(source, reader, await readSource(source, reader), clock)
    } catch (cause) {
      const message = `Option "internalTls": expected { key, cert, ca, servername } as PEM, { keyFile, certFile, caFile, servername } as paths, or a function that returns the first; ${describe(cause)}`
      throw new SserError('invalid-options', message, { cause })
    }
  }

  get current(): PeerTls {
    return this.#current
  }

  /** Expiry of the certificate, in milliseconds of Unix time. */
  get expiresAt(): number {
    return this.#validity.to
  }

  /** Advice to the operator about the certificate; undefined where there is nothing to do. */
  warning(): string | undefined {
    const { from, to } = this.#validity
    const leftMs = to - Date.now()
    const failure = this.#readError === undefined ? '' : ` Reading it anew failed: ${this.#readError}`
    const renewal = isRenewable(this.#source)
      ? 'renew what internalTls reads'
      : 'give internalTls as files or a function, so that a renewed one is read, or replace the Pod'
    const at = new Date(to).toISOString()
    if (leftMs <= 0)
      return `the certificate of internalTls expired at ${at}: peers refuse every new connection; ${renewal}.${failure}`
    if (leftMs < (to - from) * WARN_PART)
      return `the certificate of internalTls expires at ${at}: ${renewal}.${failure}`
    return failure === '' ? undefined : `the certificate of internalTls stays the one until ${at}.${failure}`
  }

  /** Calls `listener` with each new certificate. An error that it throws becomes a warning. */
  onRenewed(listener: (tls: PeerTls) => void): void {
    this.#listeners.push(listener)
  }

  stop(): void {
    this.#isStopped = true
    this.#cancel?.()
  }

  #schedule(): void {
    if (this.#isStopped) return
    const leftMs = this.#validity.to - Date.now()
    const most = this.#readError === undefined ? MAX_READ_MS : RETRY_MS
    const ms = Math.min(most, Math.max(MIN_READ_MS, leftMs / 2))
    this.#cancel = this.#clock.after(ms, () => void this.#renew())
  }

  async #renew(): Promise<void> {
    try {
      const tls = await readSource(this.#source, this.#reader)
      const validity = this.#reader.validity(tls)
      if (!this.#isStopped && !isSame(tls, this.#current)) {
        for (const listener of this.#listeners) listener(tls)
        this.#current = tls
        this.#validity = validity
      }
      this.#readError = undefined
    } catch (error) {
      this.#readError = describe(error)
    }
    const warning = this.warning()
    if (warning !== undefined) this.onWarning(warning)
    this.#schedule()
  }
}

async function readSource(source: PeerTlsSource, { readFile }: CertificateReader): Promise<PeerTls> {
  if (typeof source === 'function') return source()
  if (!('keyFile' in source)) return source
  const { keyFile, certFile, caFile, servername } = source
  const [key, cert, ca] = await Promise.all([keyFile, certFile, caFile].map(readFile))
  return { key, cert, ca, servername } as PeerTls
}

function isRenewable(source: PeerTlsSource): boolean {
  return typeof source === 'function' || 'keyFile' in source
}

function isSame(one: PeerTls, other: PeerTls): boolean {
  return (
    one.key === other.key &&
    one.cert === other.cert &&
    one.ca === other.ca &&
    one.servername === other.servername
  )
}
