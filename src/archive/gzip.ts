import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip, type Gzip } from 'node:zlib'
import { ArchiveError } from './error.ts'

const chunkSize = 64 * 1024

/**
 * Compresses into one gzip member, on the thread pool: one chunk while the next is being made. A chunk is done with when the second after
 * it is asked for, and may then be overwritten. Takes from `bytes` only as fast as it is read; its errors come out unchanged.
 */
export async function* gzip(
  bytes: AsyncIterable<Uint8Array>,
  { level }: { level: number },
): AsyncGenerator<Uint8Array> {
  const engine = createGzip({ level, chunkSize })
  const source = bytes[Symbol.asyncIterator]()
  // Whoever reads the engine hears of it.
  feed(source, engine).catch((error: unknown) => engine.destroy(error as Error))
  try {
    yield* engine as AsyncIterable<Uint8Array>
  } finally {
    // For a reader that left: nothing wakes a write of which the engine cannot get rid.
    source.return?.().catch(() => {})
  }
}

async function feed(source: AsyncIterator<Uint8Array>, engine: Gzip): Promise<void> {
  let before: Promise<void> = Promise.resolve()
  for (let next = await source.next(); next.done !== true; next = await source.next()) {
    await before
    before = written(engine, next.value)
    // Awaited a turn later; until then it must not count as unhandled.
    before.catch(() => {})
  }
  await before
  engine.end()
}

function written(engine: Gzip, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    engine.write(chunk, (error) => (error ? reject(error) : resolve()))
  })
}

/** Decompresses any number of gzip members. `name` is for messages: 'not-gzip', 'corrupt', 'truncated' or 'trailing-data'. */
export async function* gunzip(
  bytes: AsyncIterable<Uint8Array>,
  { name, signal }: { name: string; signal?: AbortSignal | undefined },
): AsyncGenerator<Buffer> {
  const engine = createGunzip({ chunkSize })
  const head: number[] = []
  let fed = 0
  async function* counted(): AsyncGenerator<Uint8Array> {
    for await (const chunk of bytes) {
      fed += chunk.length
      if (head.length < 2) head.push(...chunk.subarray(0, 2 - head.length))
      yield chunk
    }
  }
  try {
    yield* through(counted(), engine, signal)
  } catch (error) {
    // zlib ends at zero bytes behind the last member, in silence, and then takes no more.
    if (engine.readableEnded) throw trailing(name, error)
    throw gunzipError(error, { name, isGzip: head[0] === 0x1f && head[1] === 0x8b })
  }
  if (engine.bytesWritten !== fed) throw trailing(name)
}

function trailing(name: string, cause?: unknown): ArchiveError {
  return new ArchiveError(
    'trailing-data',
    `${name} goes on behind its end; it was not written as one piece, fetch it again`,
    { cause },
  )
}

async function* through(
  bytes: AsyncIterable<Uint8Array>,
  engine: ReturnType<typeof createGunzip>,
  signal?: AbortSignal,
): AsyncGenerator<Buffer> {
  const feeding = signal === undefined ? pipeline(bytes, engine) : pipeline(bytes, engine, { signal })
  // The reader of `engine` sees the same error; without this it would also count as unhandled.
  feeding.catch(() => {})
  for await (const chunk of engine) yield chunk as Buffer
  await feeding
}

function gunzipError(error: unknown, { name, isGzip }: { name: string; isGzip: boolean }): unknown {
  const code = (error as NodeJS.ErrnoException | undefined)?.code
  if (code === undefined || !zlibCodes.has(code)) return error
  if (code === 'Z_BUF_ERROR')
    return new ArchiveError('truncated', `${name} ends too early; fetch it again, or use another backup`, {
      cause: error,
    })
  if (!isGzip)
    return new ArchiveError('not-gzip', `${name} is not gzip-compressed; it is not what its name says`, {
      cause: error,
    })
  return new ArchiveError(
    'corrupt',
    `${name} is damaged (its gzip data does not check); fetch it again, or use another backup`,
    { cause: error },
  )
}

const zlibCodes = new Set(['Z_BUF_ERROR', 'Z_DATA_ERROR', 'Z_NEED_DICT'])
