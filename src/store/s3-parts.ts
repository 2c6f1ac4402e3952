const mebibyte = 1024 * 1024

/** The most parts that S3 takes for one object. */
export const mostParts = 10_000

/**
 * The size in bytes of part `number`, counted from 1. It doubles every 2,000 parts, from 5 MiB, the least that S3 takes, to 80: memory stays small for real archives,
 * and 10,000 parts hold 302 GiB. The parts of one run of 2,000 are equal because some servers want that of all parts, and 9 GiB fit into the first run.
 */
export function partSize(number: number): number {
  return (5 << Math.min(4, Math.floor((number - 1) / 2_000))) * mebibyte
}

export interface Part {
  /** From 1. */
  number: number
  bytes: Uint8Array
  /** Whether the body ends with this part, which may be empty. */
  last: boolean
}

/** Buffers for parts, used again and again, so that memory does not wait for the garbage collector. */
export interface BufferPool {
  take(size: number): Uint8Array
  giveBack(buffer: Uint8Array): void
  /** Gives all memory back to the system, also of buffers that are out: nobody may read or write in them any more. */
  free(): void
}

/** An empty pool. */
export function bufferPool(): BufferPool {
  const made: Buffer<ArrayBuffer>[] = []
  const unused: Uint8Array[] = []
  const make = (size: number): Uint8Array => {
    const buffer = Buffer.allocUnsafeSlow(size)
    made.push(buffer)
    return buffer
  }
  return {
    take(size) {
      const buffer = unused.pop()
      return buffer?.byteLength === size ? buffer : make(size)
    },
    giveBack(buffer) {
      unused.push(buffer)
    },
    free() {
      for (const { buffer } of made.splice(0)) buffer.transfer(0)
    },
  }
}

/** Cuts `chunks` into parts of `partSize`; all bytes of a part but the last lie at the start of a buffer from `pool`, which the receiver gives back. */
export async function* cutParts(chunks: AsyncIterable<Uint8Array>, pool: BufferPool): AsyncGenerator<Part> {
  let number = 1
  let buffer = pool.take(partSize(number))
  let filled = 0
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.byteLength;) {
      const taken = chunk.subarray(at, at + buffer.byteLength - filled)
      buffer.set(taken, filled)
      filled += taken.byteLength
      at += taken.byteLength
      if (filled < buffer.byteLength) continue
      yield { number, bytes: buffer, last: false }
      number++
      buffer = pool.take(partSize(number))
      filled = 0
    }
  }
  yield { number, bytes: buffer.subarray(0, filled), last: true }
}
