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
  // Not Promise.race with one promise for the abort: that one would hold every chunk until the end.
  let rejectNext = (_reason: unknown) => {}
  const onAbort = () => rejectNext(signal?.reason)
  const next = () =>
    new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
      rejectNext = reject
      iterator.next().then(resolve, reject)
    })
  signal?.addEventListener('abort', onAbort, { once: true })
  let ended = false
  try {
    for (let chunk = await next(); chunk.done !== true; chunk = await next()) {
      signal?.throwIfAborted()
      yield chunk.value
      signal?.throwIfAborted()
    }
    signal?.throwIfAborted()
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
