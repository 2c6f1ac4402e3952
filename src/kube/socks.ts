import { once } from 'node:events'
import { isIPv6, type Socket } from 'node:net'
import { TunnelError } from './tunnel-error.ts'

const VERSION = 5
const NO_LOGIN = 0
const LOGIN = 2
const CONNECT = 1
const NAME = 3

/** What RFC 1928 means by the replies, and whether another try may fare better. */
const REPLIES: Readonly<Record<number, readonly [words: string, passing: boolean]>> = {
  2: ['it is not allowed to', false],
  3: ['it has no route to that network', true],
  4: ['it has no route to that host', true],
  5: ['nothing listens there', true],
  6: ['it had no answer in time', true],
}

/** Asks the SOCKS 5 proxy (RFC 1928, with the log-in of RFC 1929) at the other end of `socket` for the way to a host, whose name it looks up. Rejects with TunnelError or the socket's error. */
export async function openSocks(
  socket: Socket,
  { host, port }: { host: string; port: number },
  user: { name: string; password: string } | undefined,
): Promise<void> {
  const methods = user === undefined ? [NO_LOGIN] : [NO_LOGIN, LOGIN]
  socket.write(Buffer.from([VERSION, methods.length, ...methods]))
  const [version, method] = await take(socket, 2)
  if (version !== VERSION) throw new TunnelError('it does not speak SOCKS 5', { passing: false })
  if (method === LOGIN && user !== undefined) await logIn(socket, user)
  else if (method !== NO_LOGIN) {
    throw new TunnelError('it wants a log-in: write proxy-url as socks5://user:password@host:port', { passing: false })
  }
  const address = Buffer.from(host)
  // A name carries the text of an address as well; proxies take an IPv4 address for what it is.
  const where = isIPv6(host) ? [4, ...bytesOfIPv6(host)] : [NAME, address.length, ...address]
  socket.write(Buffer.from([VERSION, CONNECT, 0, ...where, port >> 8, port & 255]))
  const [, reply = 1, , kind] = await take(socket, 4)
  if (reply !== 0) {
    const [words, passing] = REPLIES[reply] ?? [`it failed (SOCKS reply ${reply})`, true]
    throw new TunnelError(words, { passing })
  }
  // The address it connects from, of no use to us, must be out of the way.
  const length = kind === NAME ? (await take(socket, 1))[0] : kind === 4 ? 16 : 4
  await take(socket, (length ?? 0) + 2)
}

async function logIn(socket: Socket, { name, password }: { name: string; password: string }): Promise<void> {
  const [user, secret] = [Buffer.from(name), Buffer.from(password)]
  socket.write(Buffer.from([1, user.length, ...user, secret.length, ...secret]))
  const [, status] = await take(socket, 2)
  if (status !== 0) throw new TunnelError('it does not accept name and password', { passing: false })
}

/** Exactly `count` bytes; what follows goes back into the socket. */
async function take(socket: Socket, count: number): Promise<Buffer> {
  let bytes = Buffer.alloc(0)
  while (bytes.length < count) {
    // All there is: a socket that still holds something says at once, and forever, that it is readable.
    const chunk = socket.read() as Buffer | null
    if (chunk !== null) bytes = Buffer.concat([bytes, chunk])
    else if (socket.readableEnded) throw new TunnelError('it ended the connection')
    else await moreOrEnd(socket)
  }
  if (bytes.length > count) socket.unshift(bytes.subarray(count))
  return bytes.subarray(0, count)
}

async function moreOrEnd(socket: Socket): Promise<void> {
  const settled = new AbortController()
  const { signal } = settled
  try {
    await Promise.race([once(socket, 'readable', { signal }), once(socket, 'end', { signal })])
  } finally {
    settled.abort()
  }
}

function bytesOfIPv6(host: string): number[] {
  const groups = (part: string | undefined): number[] =>
    part === undefined || part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16))
  const [front, back] = host.split('::')
  const [before, after] = [groups(front), groups(back)]
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => 0)
  return [...before, ...zeros, ...after].flatMap((group) => [group >> 8, group & 255])
}
