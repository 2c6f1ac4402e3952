import { connect as connectTcp, isIP, type Socket } from 'node:net'
import { hostname } from 'node:os'
import { connect as connectTls } from 'node:tls'
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

interface Reply {
  readonly code: number
  readonly lines: readonly string[]
}

/** A connection, reply by reply. */
interface Line {
  write(text: string): void
  /** The next reply. Rejects when the connection ends first. */
  reply(): Promise<Reply>
  /** Reads nothing any more: what comes is for somebody else. */
  detach(): void
}

const LONGEST_MS = 60_000
const LONGEST_REPLY = 64 * 1024
const MOST_LINES = 1000

/** Hands `mail` over to `server` (RFC 5321, as a client does it). Resolves to the addresses that it did not take, at least one it did. Rejects with NotifyError, or with the signal's reason. */
export async function sendMail(mail: Mail, server: MailServer, signal: AbortSignal): Promise<string[]> {
  const stop = AbortSignal.any([signal, AbortSignal.timeout(LONGEST_MS)])
  const sockets: Socket[] = []
  const hangUp = (): void => sockets.forEach((socket) => socket.destroy(new Error('it took too long')))
  stop.addEventListener('abort', hangUp, { once: true })
  try {
    return await deliver(mail, server, (socket) => void sockets.push(socket))
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof NotifyError) throw error
    const { host, port } = server
    throw new NotifyError('unreachable', `mail server ${host}:${port}: ${(error as Error).message}`, { cause: error })
  } finally {
    stop.removeEventListener('abort', hangUp)
    sockets.forEach((socket) => socket.destroy())
  }
}

async function deliver(mail: Mail, server: MailServer, onSocket: (socket: Socket) => void): Promise<string[]> {
  const { host, port, security, credentials } = server
  const ca = server.ca === undefined ? {} : { ca: server.ca }
  const secure = { ...(isIP(host) === 0 ? { servername: host } : {}), host, ...ca }
  const first = security === 'tls' ? connectTls({ ...secure, port }) : connectTcp({ host, port })
  onSocket(first)
  let line = lineOf(first)
  await expect(line, 220, 'greeting')
  let abilities = await hello(line)
  if (security === 'starttls') {
    if (!abilities.some((word) => /^STARTTLS$/i.test(word)))
      throw new NotifyError('refused', `mail server ${host}:${port} offers no STARTTLS; choose security tls or none`)
    await say(line, 'STARTTLS', { code: 220 })
    line.detach()
    const socket = connectTls({ ...secure, socket: first })
    onSocket(socket)
    line = lineOf(socket)
    abilities = await hello(line)
  }
  if (credentials !== undefined) await logIn(line, credentials, abilities)
  const refused = await address(line, mail)
  await say(line, 'DATA', { code: 354 })
  await say(line, `${mail.data.replace(/^\./gm, '..').replace(/\r\n$/, '')}\r\n.`, { code: 250, what: 'the mail' })
  line.write('QUIT\r\n')
  return refused
}

async function hello(line: Line): Promise<string[]> {
  const name = hostname().replace(/[^\w.-]/g, '') || 'localhost'
  const { lines } = await say(line, `EHLO ${name}`, { code: 250 })
  return lines.slice(1)
}

async function logIn(
  line: Line,
  { username, password }: { username: string; password: string },
  abilities: readonly string[],
): Promise<void> {
  const offered = abilities.find((word) => /^AUTH[ =]/i.test(word)) ?? ''
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  if (/\bLOGIN\b/i.test(offered) && !/\bPLAIN\b/i.test(offered)) {
    await say(line, 'AUTH LOGIN', { code: 334 })
    await say(line, base64(username), { code: 334, what: 'the user name' })
    await say(line, base64(password), { code: 235, what: 'the password' })
    return
  }
  await say(line, `AUTH PLAIN ${base64(`\0${username}\0${password}`)}`, { code: 235, what: 'user name and password' })
}

/** Sender and recipients. */
async function address(line: Line, { from, to }: Mail): Promise<string[]> {
  await say(line, `MAIL FROM:<${from}>`, { code: 250 })
  const refused: string[] = []
  let last: unknown
  for (const recipient of to) {
    try {
      await say(line, `RCPT TO:<${recipient}>`, { code: 250 })
    } catch (error) {
      if (!(error instanceof NotifyError)) throw error
      refused.push(recipient)
      last = error
    }
  }
  if (refused.length === to.length) throw last
  return refused
}

/** Says one line and hears the answer. `what` stands for a line that is too long, or a secret, in messages. */
async function say(line: Line, text: string, { code, what = text }: { code: number; what?: string }): Promise<Reply> {
  line.write(`${text}\r\n`)
  return await expect(line, code, what)
}

async function expect(line: Line, code: number, what: string): Promise<Reply> {
  const reply = await line.reply()
  // 251: it will be passed on.
  if (reply.code === code || (code === 250 && reply.code === 251)) return reply
  throw new NotifyError(
    'refused',
    `the mail server answered ${what} with ${reply.code} ${reply.lines.join(' ').slice(0, 300)}`,
  )
}

function lineOf(socket: Socket): Line {
  const parser = replyParser()
  const replies: Reply[] = []
  let failure: Error | undefined
  let wake = (): void => undefined
  const fail = (error: Error): void => {
    failure ??= error
    wake()
  }
  const onData = (chunk: Buffer): void => {
    try {
      replies.push(...parser(chunk.toString('latin1')))
    } catch (error) {
      fail(error as Error)
    }
    wake()
  }
  const onClose = (): void => fail(new Error('the connection ended'))
  socket.on('data', onData).on('error', fail).on('close', onClose).on('end', onClose)
  return {
    write: (text) => void socket.write(text),
    async reply() {
      for (;;) {
        const next = replies.shift()
        if (next !== undefined) return next
        if (failure !== undefined) throw failure
        await new Promise<void>((resolve) => (wake = resolve))
      }
    },
    detach: () => void socket.off('data', onData).off('close', onClose).off('end', onClose),
  }
}

/** Takes what comes and gives the replies that are whole. */
function replyParser(): (text: string) => Reply[] {
  let rest = ''
  let lines: string[] = []
  return (text) => {
    const whole: Reply[] = []
    rest += text
    if (rest.length > LONGEST_REPLY || lines.length > MOST_LINES) throw new Error('it says too much')
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const found = /^(\d{3})(?:([ -])(.*))?\r?$/.exec(rest.slice(0, end))
      rest = rest.slice(end + 1)
      if (found === null) throw new Error('it does not speak SMTP')
      lines.push(found[3] ?? '')
      if (found[2] === '-') continue
      whole.push({ code: Number(found[1]), lines })
      lines = []
    }
    return whole
  }
}
