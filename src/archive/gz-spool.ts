import { createGzip } from 'node:zlib'
import { openSpool } from './spool.ts'

/** Text on its way into one gzip member in a nameless temporary file. */
export interface GzSpool extends AsyncDisposable {
  /** Never waits and never throws; what goes wrong comes out of `finish`. */
  write(text: string): void
  /** Ends the text. The bytes may be read more than once, until dispose; each chunk is good until the next one is asked for. */
  finish(): Promise<AsyncIterable<Uint8Array>>
}

const batchCharacters = 64 * 1024

/** Opens a spool in `folder` that compresses on the thread pool. */
export async function openGzSpool(folder: string): Promise<GzSpool> {
  const spool = await openSpool(folder)
  const engine = createGzip()
  const draining = (async () => {
    for await (const chunk of engine) await spool.append(chunk as Uint8Array)
  })()
  draining.catch(() => {})
  let batch = ''
  let ended = false
  const flush = (): void => {
    if (!engine.destroyed) engine.write(batch)
    batch = ''
  }
  return {
    write(text) {
      if (ended) return
      batch += text
      if (batch.length >= batchCharacters) flush()
    },
    async finish() {
      if (!ended && !engine.destroyed) {
        flush()
        engine.end()
      }
      ended = true
      await draining
      return { [Symbol.asyncIterator]: () => spool.stream()[Symbol.asyncIterator]() }
    },
    async [Symbol.asyncDispose]() {
      ended = true
      engine.destroy()
      await draining.catch(() => {})
      await spool[Symbol.asyncDispose]()
    },
  }
}
