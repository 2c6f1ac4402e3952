import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Dispatcher } from 'undici'
import type { Call } from './call.ts'
import type { Access } from './credentials.ts'
import { retryAfterSeconds } from './retry.ts'

/** Where requests go, and what all of them carry. */
export interface Destination {
  /** `https://host:port` */
  readonly origin: string
  /** Path of the server's address, without a slash at its end. */
  readonly prefix: string
  readonly headers: Readonly<Record<string, string>>
}

/** An answer whose body is still on its way. */
export interface Response {
  readonly status: number
  /** Seconds. */
  readonly retryAfter: number | undefined
  readonly body: Dispatcher.ResponseData['body']
  readonly gzip: boolean
}

const gunzipped = promisify(gunzip)

/** The destination of requests to `server`; answers are compressed when `compress`, by default only when bytes are dear. */
export function destinationOf(
  server: string,
  {
    userAgent = 'lifeboat',
    compress = !isNear(server),
  }: { userAgent?: string | undefined; compress?: boolean | undefined },
): Destination {
  const { origin, pathname } = new URL(server)
  const encoding = compress ? { 'accept-encoding': 'gzip' } : {}
  const headers = { accept: 'application/json', 'user-agent': userAgent, ...encoding }
  return { origin, prefix: pathname.replace(/\/$/, ''), headers }
}

/** Sends `call` once. Rejects with the connection's own error, or with the signal's reason. */
export async function request(
  call: Call,
  {
    destination,
    access,
    dispatcher,
    now,
    silenceMillis,
  }: {
    destination: Destination
    access: Access
    dispatcher: Dispatcher
    now: () => Date
    /** Longest silence before and within the answer. */
    silenceMillis: number
  },
): Promise<Response> {
  const { origin, prefix, headers: common } = destination
  const sent = dispatcher.request({
    origin,
    path: prefix + call.path,
    method: call.method,
    headers: headersOf(call, { ...common, ...access.headers }),
    body: call.body ?? null,
    signal: call.signal ?? null,
    headersTimeout: silenceMillis,
    bodyTimeout: silenceMillis,
  })
  const { statusCode, headers, body } = await unlessAborted(sent, call.signal)
  const retryAfter = retryAfterSeconds(oneOf(headers['retry-after']), now())
  return { status: statusCode, retryAfter, body, gzip: headers['content-encoding'] === 'gzip' }
}

/** The whole body. Rejects with the connection's own error. */
export async function textOf(response: Response): Promise<string> {
  return response.gzip ? (await bytesOf(response)).toString('utf8') : response.body.text()
}

/** As `textOf`, undecoded. */
export async function bytesOf({ body, gzip }: Response): Promise<Buffer> {
  const bytes = Buffer.from(await body.arrayBuffer())
  return gzip ? await gunzipped(bytes) : bytes
}

/** undici heeds a signal only once the request has a connection; one that hangs while it is made would be waited for. */
async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await work
  const { promise, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

function headersOf(call: Call, common: Record<string, string | readonly string[]>): Record<string, string | string[]> {
  const headers = { ...common } as Record<string, string | string[]>
  if (call.accept !== undefined) headers['accept'] = call.accept
  if (call.body !== undefined) headers['content-type'] = call.contentType ?? 'application/json'
  return headers
}

function oneOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header
}

/** Whether bytes to this server are cheaper than the processor time to compress them: this machine or a private network. */
function isNear(server: string): boolean {
  const { hostname } = new URL(server)
  return (
    hostname === 'localhost' || /^(127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[::1\]$|\[f[cd])/.test(hostname)
  )
}
