import { createHash } from 'node:crypto'

/** SHA-256 (hex) and length of a byte stream. */
export interface Digest {
  sha256: string
  size: number
}

/** Passes `bytes` on unchanged and calls `onEnd` once, when all of them have been taken. */
export async function* withDigest(
  bytes: AsyncIterable<Uint8Array>,
  onEnd: (digest: Digest) => void,
): AsyncGenerator<Uint8Array> {
  const sha256 = createHash('sha256')
  let size = 0
  for await (const chunk of bytes) {
    sha256.update(chunk)
    size += chunk.length
    yield chunk
  }
  onEnd({ sha256: sha256.digest('hex'), size })
}
