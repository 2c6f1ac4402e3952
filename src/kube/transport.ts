import { setTimeout as sleep } from 'node:timers/promises'
import type { Call } from './call.ts'
import type { ClusterConfig } from './cluster-config.ts'
import { KubeConfigError } from './cluster-config.ts'
import type { Access, Credentials } from './credentials.ts'
import type { Connections } from './connections.ts'
import { openConnections } from './connections.ts'
import { statusFailure } from './failure.ts'
import { isPassing, networkFailure } from './network-failure.ts'
import type { Destination, Reply, Response, Way } from './request.ts'
import { bytesOf, destinationOf, request, streamOf } from './request.ts'
import type { Setback } from './retry.ts'
import { retryDelay } from './retry.ts'
import { requestUnread } from './unread-request.ts'
import type { Dialogue, DialogueOptions } from './web-socket.ts'
import { openDialogue } from './web-socket.ts'

const PATIENCE_MILLIS = 60_000

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
  /** Longest silence to bear in one try of a call, and how long a failing call is tried again, in milliseconds; default a minute. Calls may set their own. */
  readonly patienceMillis?: number | undefined
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
  /** As `send`, for who wants to know nothing but that it succeeded. */
  carryOut(call: Call): Promise<void>
  /** The body of a successful answer. */
  bytes(call: Call): Promise<Buffer>
  /** The body as it comes. It breaks off with the connection's own error, which `failureOf` translates. */
  stream(call: Call): Promise<AsyncIterable<Uint8Array>>
  /** A WebSocket that the server has opened. It breaks off with the connection's own error, as `stream`. */
  dialogue(call: Call, options: DialogueOptions): Promise<Dialogue>
  failureOf(call: Call, error: unknown): Error
  readonly calls: number
  close(): Promise<void>
}

interface Deps {
  readonly config: ClusterConfig
  readonly credentials: Credentials
  readonly now: () => Date
}

/** What the tries of all calls share. */
interface Line extends Deps {
  readonly connections: Connections
  readonly destination: Destination
  readonly onResponse: TransportOptions['onResponse']
  readonly patienceMillis: number
  /** Requests sent so far. */
  calls: number
  /** Whether the server has ever answered. */
  answered: boolean
}

/** A call, the sockets it belongs on, and what to make of a good answer. */
interface Order<T, R extends Reply> {
  readonly call: Call
  readonly pool: keyof Pools
  readonly ask: (call: Call, way: Way) => Promise<R>
  readonly take: (reply: R) => T | Promise<T>
}

type Pools = ReturnType<Connections['to']>

type Outcome<T> = { done: T } | { setback: Setback; failure: Error; access: Access }

/** A transport to the server of `config`. No socket is opened before the first call. */
export function openTransport(deps: Deps, options: TransportOptions): Transport {
  const { config } = deps
  const line: Line = {
    ...deps,
    connections: openConnections(config, options),
    destination: destinationOf(config.server, options),
    onResponse: options.onResponse,
    patienceMillis: options.patienceMillis ?? PATIENCE_MILLIS,
    calls: 0,
    answered: false,
  }
  return {
    async send(call) {
      const take = async (response: Response) => ({ status: response.status, text: await response.text() })
      const { done, doubtful } = await perform(line, { call, pool: 'calls', ask: request, take })
      return { ...done, doubtful }
    },
    async carryOut(call) {
      await perform(line, { call, pool: 'calls', ask: requestUnread, take: () => undefined })
    },
    bytes: async (call) => (await perform(line, { call, pool: 'calls', ask: request, take: bytesOf })).done,
    stream: async (call) => (await perform(line, { call, pool: 'streams', ask: request, take: streamOf })).done,
    async dialogue(call, options) {
      const ask = (one: Call, way: Way) => openDialogue(one, way, options)
      return (await perform(line, { call, pool: 'streams', ask, take: ({ dialogue }) => dialogue })).done
    },
    failureOf(call, error) {
      if (call.signal?.aborted === true) return call.signal.reason as Error
      return networkFailure(call, config.server, error)
    },
    get calls() {
      return line.calls
    },
    close: () => line.connections.close(),
  }
}

/** Tries until an answer is final or another try is not worth it or not allowed. */
async function perform<T, R extends Reply>(line: Line, order: Order<T, R>): Promise<{ done: T; doubtful: boolean }> {
  const { call } = order
  const began = performance.now()
  const most = patienceOf(line, call)
  let renewed = false
  let doubtful = false
  for (let tries = 1; ; tries += 1) {
    call.signal?.throwIfAborted()
    const outcome = await attempt(line, order)
    if ('done' in outcome) return { done: outcome.done, doubtful }
    const { setback, failure, access } = outcome
    if (setback.kind === 'status' && setback.status === 401 && !renewed && (await line.credentials.renew(access))) {
      renewed = true
      continue
    }
    if (call.failsFast === true && setback.kind === 'status' && setback.status >= 500) throw failure
    const { repeatable } = call
    const spent = { millis: performance.now() - began, most }
    const random = Math.random()
    const delay = retryDelay({ setback, repeatable, tries, answeredBefore: line.answered, spent, random })
    if (delay === undefined) throw failure
    doubtful ||= setback.kind !== 'not-sent' && !(setback.kind === 'status' && setback.status === 429)
    await pause(delay, call.signal)
  }
}

function patienceOf(line: Line, call: Call): number {
  return call.silenceMillis ?? line.patienceMillis
}

/** One try. Rejects with what no other try can mend. */
async function attempt<T, R extends Reply>(line: Line, { call, pool, ask, take }: Order<T, R>): Promise<Outcome<T>> {
  const { config, connections, destination, now } = line
  const access = await line.credentials.current()
  const dispatcher = connections.to(access.identity)[pool]
  const started = performance.now()
  const report = (status: number, retryAfter?: number): void =>
    line.onResponse?.({ status, millis: performance.now() - started, retryAfter })
  try {
    line.calls += 1
    const silenceMillis = patienceOf(line, call)
    const reply = await ask(call, { destination, access, dispatcher, now, silenceMillis })
    line.answered = true
    const { status, retryAfter } = reply
    if (status < 400 || (status === 404 && call.mayBeMissing === true)) {
      const done = await take(reply)
      report(status)
      return { done }
    }
    const failure = statusFailure(call, status, await reply.text())
    report(status, retryAfter)
    return { setback: { kind: 'status', status, retryAfter }, failure, access }
  } catch (error) {
    call.signal?.throwIfAborted()
    if (error instanceof KubeConfigError) throw error
    report(0)
    const failure = networkFailure(call, config.server, error)
    if (!isPassing(error)) throw failure
    return { setback: { kind: connections.wasNotSent(error) ? 'not-sent' : 'interrupted' }, failure, access }
  }
}

/** Waits; rejects with the signal's reason as soon as it is aborted. */
export async function pause(millis: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(millis, undefined, signal === undefined ? {} : { signal })
  } catch (error) {
    signal?.throwIfAborted()
    throw error
  }
}
