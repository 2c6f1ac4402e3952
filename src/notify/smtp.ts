import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { hostname } from 'node:os'
import type { SentMessageInfo } from 'nodemailer/lib/smtp-transport/index.js'
import { NotifyError } from './error.ts'
import type { Mail } from './mail.ts'

/** A server that takes mail. */
export interface MailServer {
  readonly host: string
  readonly port: number
  /** `starttls` and `tls` never go on in the clear. */
  readonly security: 'starttls' | 'tls' | 'none'
  readonly credentials?: { readonly username: string; readonly password: string } | undefined
  /** PEM, instead of the authorities that Node knows. */
  readonly ca?: string | undefined
}

const LONGEST_MS = 60_000

/** Hands `mail` over to `server`. Resolves to the addresses that it did not take, at least one it did. Rejects with NotifyError, or with the signal's reason. */
export async function sendMail(mail: Mail, server: MailServer, signal: AbortSignal): Promise<string[]> {
  const stop = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_MS)])
  stop.throwIfAborted()
  // A connection of our own, so that it can be cut at any moment.
  const socket = connect({ host: server.host, port: server.port })
  const hangUp = (): void => void socket.destroy(new Error('it took too long'))
  stop.addEventListener('abort', hangUp, { once: true })
  try {
    await once(socket, 'connect')
    const { rejected } = await deliver(mail, server, socket)
    return rejected
  } catch (error) {
    signal.throwIfAborted()
    throw failureOf(error as MailFailure, server)
  } finally {
    stop.removeEventListener('abort', hangUp)
    socket.destroy()
  }
}

async function deliver(mail: Mail, server: MailServer, connection: Socket): Promise<SentMessageInfo> {
  // Only who has such a Notification pays for it.
  const { default: nodemailer } = await import('nodemailer')
  const { host, port, security, credentials, ca } = server
  const transport = nodemailer.createTransport({
    host,
    port,
    name: hostname().replace(/[^\w.-]/g, '') || 'localhost',
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...(ca === undefined ? {} : { tls: { ca } }),
    ...(credentials === undefined ? {} : { auth: { user: credentials.username, pass: credentials.password } }),
    getSocket: (_options, use) => use(null, { connection }),
  })
  const { from, to, subject, text, date, id } = mail
  return await transport.sendMail({
    from,
    to: [...to],
    subject,
    text,
    date,
    messageId: `<${id}>`,
    // Nobody's holiday answers to it.
    headers: { 'Auto-Submitted': 'auto-generated' },
    textEncoding: 'base64',
    xMailer: false,
    disableFileAccess: true,
    disableUrlAccess: true,
  })
}

/** What nodemailer rejects with. */
interface MailFailure extends Error {
  readonly code?: string
  /** Of the server's answer, if there was one. */
  readonly responseCode?: number
}

function failureOf(error: MailFailure, { host, port }: MailServer): NotifyError {
  const where = `mail server ${host}:${port}`
  const { code, responseCode, message } = error
  if (!responseCode) {
    const why = code === 'EPROTOCOL' ? `it does not speak SMTP: ${message}` : message
    return new NotifyError('unreachable', `${where}: ${why.slice(0, 300)}`, { cause: error })
  }
  const said =
    code === 'ETLS' ? `${where} offers no STARTTLS; choose security tls or none` : `${where}: ${message.slice(0, 300)}`
  return new NotifyError('refused', said, { cause: error })
}
