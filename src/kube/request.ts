import type { IncomingHttpHeaders } from 'node:http'
import { pipeline } from 'node:stream'
import { promisify } from 'node:util'
import { createGunzip, gunzip } from 'node:zlib'
import type { Dispatcher } from 'undici'
import type { Call } from './call.ts'
import type { Access } from './credentials.ts'
import { retryAfterSeconds } from './retry.ts'
import { unlessAborted } from './unless-aborted.ts'

/** Where requests go, and what all of them carry. */
export interface Destination {
  /** `https://host:port` */
  readonly origin: string
  /** Path of the server's address, without a slash at its end. */
  readonly prefix: string
  readonly headers: Readonly<Record<string, string>>
}

/** An answer of the server, of whatever kind. */
export interface Reply {
  readonly status: number
  /** Seconds. */
  readonly retryAfter: number | undefined
  /** The whole body. Rejects with the connection's own error. */
  text(): Promise<string>
}

/** An answer whose body is still on its way. */
export interface Response extends Reply {
  readonly body: Dispatcher.ResponseData['body']
  readonly gzip: boolean
}

/** How a request gets to the server. */
export interface Way {
  readonly destination: Destination
  readonly access: Access
  readonly dispatcher: Dispatcher
  readonly now: () => Date
  /** Longest silence before and within the answer. */
  readonly silenceMillis: number
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
export async function request(call: Call, way: Way): Promise<Response> {
  const { dispatcher, now } = way
  const sent = dispatcher.request({ ...sentBy(call, way), signal: call.signal ?? null })
  // undici heeds a signal only once the request has a connection; one that hangs while it is made would be waited for.
  const { statusCode, headers, body } = await unlessAborted(sent, call.signal)
  const retryAfter = retryAfterOf(headers, now())
  const gzip = headers['content-encoding'] === 'gzip'
  const text = async (): Promise<string> =>
    gzip ? (await bytesOf({ body, gzip })).toString('utf8') : await body.text()
  return { status: statusCode, retryAfter, body, gzip, text }
}

/** What goes to the server: line, headers, body, and how long to wait. */
export function sentBy(call: Call, { destination, access, silenceMillis }: Way): Sent {
  const { origin, prefix, headers: common } = destination
  return {
    origin,
    path: prefix + call.path,
    method: call.method,
    headers: headersOf(call, { ...common, ...access.headers }),
    body: call.body ?? null,
    headersTimeout: silenceMillis,
    bodyTimeout: silenceMillis,
  }
}

type Sent = Dispatcher.DispatchOptions & { origin: string }

/** The whole body, undecoded. Rejects with the connection's own error. */
export async function bytesOf({ body, gzip }: Pick<Response, 'body' | 'gzip'>): Promise<Buffer> {
  const bytes = Buffer.from(await body.arrayBuffer())
  return gzip ? await gunzipped(bytes) : bytes
}

/** The body as it comes, unpacked. */
export function streamOf({ body, gzip }: Pick<Response, 'body' | 'gzip'>): AsyncIterable<Uint8Array> {
  if (!gzip) return body
  // Whatever goes wrong with one of the two ends the other; the reader hears of it.
  return pipeline(body, createGunzip(), () => undefined)
}

function headersOf(call: Call, common: Record<string, string | readonly string[]>): Record<string, string | string[]> {
  const headers = { ...common } as Record<string, string | string[]>
  if (call.accept !== undefined) headers['accept'] = call.accept
  if (call.body !== undefined) headers['content-type'] = call.contentType ?? 'application/json'
  return headers
}

/** Seconds that the server asks to wait, counted from `now`, if it does. */
export function retryAfterOf(headers: IncomingHttpHeaders, now: Date): number | undefined {
  const header = headers['retry-after'] as string | string[] | undefined
  return retryAfterSeconds(Array.isArray(header) ? header[0] : header, now)
}

/** Whether bytes to this server are cheaper than the processor time to compress them: this machine or a private network. */
function isNear(server: string): boolean {
  const { hostname } = new URL(server)
  return (
    hostname === 'localhost' || /^(127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.|\[::1\]$|\[f[cd])/.test(hostname)
  )
}
