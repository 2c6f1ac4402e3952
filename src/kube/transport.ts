import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { Dispatcher } from 'undici'
import type { Call } from './call.ts'
import type { ClusterConfig } from './cluster-config.ts'
import { KubeConfigError } from './cluster-config.ts'
import type { Access, Credentials } from './credentials.ts'
import type { Connections } from './connections.ts'
import { openConnections } from './connections.ts'
import { statusFailure } from './failure.ts'
import { isPassing, networkFailure } from './network-failure.ts'
import type { Setback } from './retry.ts'
import { retryAfterSeconds, retryDelay } from './retry.ts'

/** One answer of the server, as a caller that adapts its pace wants to know it. */
export interface ResponseInfo {
  /** HTTP status; 0 when the connection failed. */
  readonly status: number
  /** From sending to the end of the answer (of a watch: to its beginning). */
  readonly millis: number
  /** Seconds the server asked to wait, if it did. */
  readonly retryAfter?: number | undefined
}

/** What `openTransport` may be told. */
export interface TransportOptions {
  /** Most sockets at once, watches not counted; default 64, which is where creates stop getting faster. */
  readonly connections?: number | undefined
  readonly connectTimeoutMillis?: number | undefined
  readonly userAgent?: string | undefined
  /** Ask for gzip; default: only when the server is neither on this machine nor in a private network. */
  readonly compress?: boolean | undefined
  /** Called after every try. */
  readonly onResponse?: ((info: ResponseInfo) => void) | undefined
}

/** A successful answer, or a 404 that the call takes for one. */
export interface Answer {
  readonly status: number
  readonly text: string
  /** True when an earlier try of the same call may have been carried out. */
  readonly doubtful: boolean
}

/** Sends calls, repeats what may be repeated, and turns every failure into KubeError, KubeConfigError or the signal's reason. */
export interface Transport {
  send(call: Call): Promise<Answer>
  /** The body as it comes. It breaks off with the connection's own error, which `failureOf` translates. */
  stream(call: Call): Promise<AsyncIterable<Uint8Array>>
  failureOf(call: Call, error: unknown): Error
  readonly calls: number
  close(): Promise<void>
}

interface Deps {
  readonly config: ClusterConfig
  readonly credentials: Credentials
  readonly now: () => Date
}

interface Response {
  readonly status: number
  readonly retryAfter: number | undefined
  readonly body: Dispatcher.ResponseData['body']
  readonly gzip: boolean
}

type Outcome<T> = { done: T } | { setback: Setback; failure: Error; access: Access }

const SILENCE_MILLIS = 60_000
const gunzipped = promisify(gunzip)

/** A transport to the server of `config`. No socket is opened before the first call. */
export function openTransport({ config, credentials, now }: Deps, options: TransportOptions): Transport {
  const connections = openConnections(config, options)
  const compress = options.compress ?? !isNear(config.server)
  const prefix = new URL(config.server).pathname.replace(/\/$/, '')
  const headers = {
    accept: 'application/json',
    'user-agent': options.userAgent ?? 'lifeboat',
    ...(compress ? { 'accept-encoding': 'gzip' } : {}),
  }
  let calls = 0
  let answeredBefore = false

  const request = async (call: Call, access: Access, dispatcher: Dispatcher): Promise<Response> => {
    calls += 1
    const sent = dispatcher.request({
      origin: connections.origin,
      path: prefix + call.path,
      method: call.method,
      headers: headersOf(call, { ...headers, ...access.headers }),
      body: call.body ?? null,
      signal: call.signal ?? null,
      headersTimeout: call.silenceMillis ?? SILENCE_MILLIS,
      bodyTimeout: call.silenceMillis ?? SILENCE_MILLIS,
    })
    const response = await unlessAborted(sent, call.signal)
    answeredBefore = true
    const retryAfter = retryAfterSeconds(oneOf(response.headers['retry-after']), now())
    return {
      status: response.statusCode,
      retryAfter,
      body: response.body,
      gzip: response.headers['content-encoding'] === 'gzip',
    }
  }

  const attempt = async <T>(
    call: Call,
    kind: keyof Pools,
    take: (response: Response) => T | Promise<T>,
  ): Promise<Outcome<T>> => {
    const access = await credentials.current()
    const dispatcher = connections.to(access.identity)[kind]
    const started = performance.now()
    const report = (status: number, retryAfter?: number): void =>
      options.onResponse?.({ status, millis: performance.now() - started, retryAfter })
    try {
      const response = await request(call, access, dispatcher)
      const { status, retryAfter } = response
      if (status < 400 || (status === 404 && call.mayBeMissing === true)) {
        const done = await take(response)
        report(status)
        return { done }
      }
      const failure = statusFailure(call, status, await textOf(response))
      report(status, retryAfter)
      return { setback: { kind: 'status', status, retryAfter }, failure, access }
    } catch (error) {
      call.signal?.throwIfAborted()
      if (error instanceof KubeConfigError) throw error
      report(0)
      if (!isPassing(error)) throw networkFailure(call, config.server, error)
      const setback: Setback = { kind: connections.wasNotSent(error) ? 'not-sent' : 'interrupted' }
      return { setback, failure: networkFailure(call, config.server, error), access }
    }
  }

  const perform = async <T>(
    call: Call,
    kind: keyof Pools,
    take: (response: Response) => T | Promise<T>,
  ): Promise<{ done: T; doubtful: boolean }> => {
    let renewed = false
    let doubtful = false
    for (let tries = 1; ; tries += 1) {
      call.signal?.throwIfAborted()
      const outcome = await attempt(call, kind, take)
      if ('done' in outcome) return { done: outcome.done, doubtful }
      const { setback, failure, access } = outcome
      if (setback.kind === 'status' && setback.status === 401 && !renewed && (await credentials.renew(access))) {
        renewed = true
        continue
      }
      if (call.failsFast === true && setback.kind === 'status' && setback.status >= 500) throw failure
      const delay = retryDelay({ setback, repeatable: call.repeatable, tries, answeredBefore, random: Math.random() })
      if (delay === undefined) throw failure
      doubtful ||= setback.kind !== 'not-sent' && !(setback.kind === 'status' && setback.status === 429)
      await pause(delay, call.signal)
    }
  }

  return {
    async send(call) {
      const take = async (response: Response) => ({ status: response.status, text: await textOf(response) })
      const { done, doubtful } = await perform(call, 'calls', take)
      return { ...done, doubtful }
    },
    stream: async (call) => (await perform(call, 'streams', ({ body }) => body)).done,
    failureOf(call, error) {
      if (call.signal?.aborted === true) return call.signal.reason as Error
      return networkFailure(call, config.server, error)
    },
    get calls() {
      return calls
    },
    close: () => connections.close(),
  }
}

type Pools = ReturnType<Connections['to']>

/** Waits; rejects with the signal's reason as soon as it is aborted. */
export async function pause(millis: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(millis, undefined, signal === undefined ? {} : { signal })
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
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

async function textOf({ body, gzip }: Response): Promise<string> {
  if (!gzip) return body.text()
  return (await gunzipped(await body.arrayBuffer())).toString('utf8')
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
