import type { AnyType, Call } from './call.ts'
import { collectionLabel, pathOf } from './call.ts'
import type { WatchEvent, WatchOptions } from './client.ts'
import { KubeError } from './error.ts'
import { eventFailure } from './failure.ts'
import { parseJson } from './json.ts'
import { linesOf } from './lines.ts'
import type { ResourceType } from './object.ts'
import { retryDelay } from './retry.ts'
import type { Transport } from './transport.ts'
import { pause } from './transport.ts'

interface RawEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR'
  object: { metadata?: { resourceVersion?: string } }
}

/** A connection lasts this long, and up to as long again, so that many watches do not come back at once. */
const CONNECTION_SECONDS = 240
/** The server sends a bookmark a minute; silence beyond its time-out means that the connection is dead. */
const GRACE_MILLIS = 15_000

/** See `KubeClient.watch`. */
export async function* watch<T extends object>(
  transport: Transport,
  type: ResourceType<T>,
  options: WatchOptions,
): AsyncGenerator<WatchEvent<T>, void, void> {
  let version = options.resourceVersion
  let setbacks = 0
  for (;;) {
    const call = watchCall(type, version, options)
    try {
      for await (const event of events<T>(transport, call)) {
        setbacks = 0
        if (event.version !== '') version = event.version
        yield event.event
      }
      // The server ended the connection, as it does after its time-out. Without a pause a proxy that ends it at once would be hammered.
      await pause(100 + Math.random() * 100, options.signal)
    } catch (error) {
      setbacks += 1
      const delay = mayReconnect(error)
        ? retryDelay({
            setback: { kind: 'interrupted' },
            repeatable: true,
            tries: setbacks,
            answeredBefore: true,
            // What counts here is whether it ever gets on, not how long it has been watching.
            spent: { millis: 0, most: Number.POSITIVE_INFINITY },
            random: Math.random(),
          })
        : undefined
      if (delay === undefined) throw error
      await pause(delay, options.signal)
    }
  }
}

/** Lost connections and errors that pass; not what needs another request, such as 'expired' or 'forbidden'. */
function mayReconnect(error: unknown): boolean {
  return (
    error instanceof KubeError &&
    (error.problem === 'unreachable' || error.problem === 'busy' || error.problem === 'server')
  )
}

async function* events<T extends object>(
  transport: Transport,
  call: Call,
): AsyncGenerator<{ event: WatchEvent<T>; version: string }> {
  const body = await transport.stream(call)
  const lines = linesOf(body)[Symbol.asyncIterator]()
  try {
    for (;;) {
      const line = await nextLine(lines, (error) => transport.failureOf(call, error))
      if (line === undefined) return
      const { type, object } = parseJson(line) as RawEvent
      if (type === 'ERROR') throw eventFailure(call, object)
      const version = object.metadata?.resourceVersion ?? ''
      yield type === 'BOOKMARK'
        ? { event: { type, resourceVersion: version }, version }
        : { event: { type, object: object as T }, version }
    }
  } finally {
    // Ends the request when the caller stops listening.
    await lines.return?.(undefined)
  }
}

async function nextLine(lines: AsyncIterator<string>, failure: (error: unknown) => Error): Promise<string | undefined> {
  try {
    const next = await lines.next()
    return next.done === true ? undefined : next.value
  } catch (error) {
    throw failure(error)
  }
}

function watchCall(type: AnyType, resourceVersion: string, options: WatchOptions): Call {
  const { namespace, labelSelector, fieldSelector, signal } = options
  const timeoutSeconds = options.timeoutSeconds ?? Math.round(CONNECTION_SECONDS * (1 + Math.random()))
  const query = {
    watch: true,
    allowWatchBookmarks: true,
    resourceVersion,
    labelSelector,
    fieldSelector,
    timeoutSeconds,
  }
  return {
    method: 'GET',
    path: pathOf(type, { namespace, query }),
    verb: 'watch',
    object: collectionLabel(type, namespace),
    repeatable: true,
    silenceMillis: timeoutSeconds * 1000 + GRACE_MILLIS,
    signal,
  }
}
