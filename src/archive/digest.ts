/** SHA-256 (hex) and length of a byte stream. */
export interface Digest {
  sha256: string
  size: number
}

/** Passes `bytes` on unchanged and calls `onEnd` once, when all of them have been taken. */
export declare function withDigest(bytes: AsyncIterable<Uint8Array>, onEnd: (digest: Digest) => void): AsyncIterable<Uint8Array>
