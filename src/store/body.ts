import type { Bytes } from '#store/store.ts'

/**
 * The chunks of `body`; throws the signal's reason as soon as it aborts, even while the body is still waiting for its next chunk.
 * A body that is not read to its end is told so (its `return` is called), but not waited for.
 */
export async function* bodyChunks(body: Bytes, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted()
  if (body instanceof Uint8Array) {
    yield body
    return
  }
  const iterator = body[Symbol.asyncIterator]()
  const aborted = Promise.withResolvers<never>()
  const onAbort = () => aborted.reject(signal?.reason)
  aborted.promise.catch(() => {})
  signal?.addEventListener('abort', onAbort, { once: true })
  let ended = false
  try {
    for (;;) {
      const next = await Promise.race([aborted.promise, iterator.next()])
      signal?.throwIfAborted()
      if (next.done === true) break
      yield next.value
    }
    ended = true
  } catch (error) {
    ended = signal?.aborted !== true
    throw error
  } finally {
    signal?.removeEventListener('abort', onAbort)
    // A generator that waits for something that never comes never returns either.
    if (!ended) iterator.return?.().catch(() => {})
  }
}
