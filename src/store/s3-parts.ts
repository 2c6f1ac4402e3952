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
  bytes: Uint8Array<ArrayBuffer>
  /** Whether the body ends with this part, which may be empty. */
  last: boolean
}

/** Gives the memory of a part back to the system, which the garbage collector would take its time for: nobody may read it any more. */
export function free({ bytes }: Part): void {
  bytes.buffer.transfer(0)
}

/**
 * Cuts `chunks` into parts of `partSize`; the receiver frees them. Each has a buffer of its own, which costs memory as far as it is filled: one that was used again and
 * again would cost all of it while it waits.
 */
export async function* cutParts(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Part> {
  let number = 1
  let buffer = Buffer.allocUnsafeSlow(partSize(number))
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
      buffer = Buffer.allocUnsafeSlow(partSize(number))
      filled = 0
    }
  }
  yield { number, bytes: buffer.subarray(0, filled), last: true }
}
