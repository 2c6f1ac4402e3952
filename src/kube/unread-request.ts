import type { IncomingHttpHeaders } from 'node:http'
import { gunzipSync } from 'node:zlib'
import type { Dispatcher } from 'undici'
import type { Call } from './call.ts'
import { type Reply, retryAfterOf, sentBy, type Way } from './request.ts'

/**
 * Sends `call` once, for who wants to know nothing but that it succeeded: no stream is made of the answer, and only one that says what went wrong
 * is kept. Rejects with the connection's own error, or with the signal's reason.
 */
export async function requestUnread(call: Call, way: Way): Promise<Reply> {
  const { signal } = call
  signal?.throwIfAborted()
  const verdict = new Verdict(way.now)
  const abort = (): void => verdict.abort(signal?.reason as Error)
  signal?.addEventListener('abort', abort, { once: true })
  try {
    way.dispatcher.dispatch(sentBy(call, way), verdict)
    return await verdict.reply
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

/** Hears the answer out, so that its connection is free again. */
class Verdict implements Dispatcher.DispatchHandler {
  readonly reply: Promise<Reply>
  readonly #now: () => Date
  readonly #resolve: (reply: Reply) => void
  readonly #reject: (error: Error) => void
  #controller: Dispatcher.DispatchController | undefined
  #aborted: Error | undefined
  #head: { status: number; retryAfter: number | undefined; gzip: boolean } | undefined
  readonly #words: Buffer[] = []

  constructor(now: () => Date) {
    this.#now = now
    const { promise, resolve, reject } = Promise.withResolvers<Reply>()
    this.reply = promise
    this.#resolve = resolve
    this.#reject = reject
  }

  /** A request that still waits for its connection is not waited for. */
  abort(reason: Error): void {
    this.#aborted = reason
    this.#controller?.abort(reason)
    this.#reject(reason)
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#aborted !== undefined) controller.abort(this.#aborted)
  }

  onResponseStart(_controller: Dispatcher.DispatchController, status: number, headers: IncomingHttpHeaders): void {
    if (status < 200) return
    const retryAfter = retryAfterOf(headers, this.#now())
    this.#head = { status, retryAfter, gzip: headers['content-encoding'] === 'gzip' }
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#failed()) this.#words.push(chunk)
  }

  onResponseEnd(): void {
    this.#settle()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    // What the server said is known, also when the rest of a good answer does not come.
    if (this.#head === undefined || this.#failed()) this.#reject(error)
    else this.#settle()
  }

  #failed(): boolean {
    return (this.#head?.status ?? 0) >= 400
  }

  #settle(): void {
    const { status = 0, retryAfter, gzip = false } = this.#head ?? {}
    const bytes = Buffer.concat(this.#words)
    const text = (): Promise<string> => Promise.resolve((gzip ? gunzipSync(bytes) : bytes).toString('utf8'))
    this.#resolve({ status, retryAfter, text })
  }
}
