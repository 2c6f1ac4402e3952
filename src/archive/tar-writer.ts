import { headersOf, mostHeaderBytes, paddingOf } from './tar-header.ts'

/** The bytes of a file, wherever they are. */
export interface FileContent {
  readonly size: number
  /** Puts them into `target`, which has room for them. */
  copyTo(target: Uint8Array, at: number): void
}

/** A tar in the making. Two buffers take turns, so that a thread can work on one while the other is filled. */
export interface TarWriter {
  /** Bytes that nobody has taken yet. */
  readonly size: number
  /** Adds one file under one or several paths; gives its bytes, which are good until the next call. */
  add(paths: readonly string[], content: FileContent): Uint8Array
  /** Adds the end mark. */
  end(): void
  /** All that nobody has taken yet; good until the second `take` after. */
  take(): Uint8Array
}

/** Enough for a chunk and the object that completes it, mostly. */
const bufferBytes = 384 * 1024
const endMark = 1024

/** Nothing yet; `mtime` of all files in seconds since 1970. */
export function tarWriter({ mtime }: { mtime: number }): TarWriter {
  const putHeader = headersOf(mtime)
  let buffer = Buffer.allocUnsafeSlow(bufferBytes)
  let spare = Buffer.allocUnsafeSlow(bufferBytes)
  let at = 0
  const makeRoom = (bytes: number): void => {
    if (at + bytes <= buffer.length) return
    const larger = Buffer.allocUnsafeSlow(at + bytes)
    buffer.copy(larger, 0, 0, at)
    buffer = larger
  }
  return {
    get size() {
      return at
    },
    add(paths, content) {
      const { size } = content
      const padding = paddingOf(size)
      makeRoom(paths.reduce((sum, path) => sum + mostHeaderBytes(path) + size + padding, 0))
      let first = -1
      for (const path of paths) {
        at = putHeader({ path, size }, buffer, at)
        if (first >= 0) buffer.copyWithin(at, first, first + size)
        else content.copyTo(buffer, (first = at))
        buffer.fill(0, at + size, at + size + padding)
        at += size + padding
      }
      return buffer.subarray(first, first + size)
    },
    end() {
      makeRoom(endMark)
      buffer.fill(0, at, at + endMark)
      at += endMark
    },
    take() {
      const taken = buffer.subarray(0, at)
      const next = spare
      // A buffer that had to grow is not kept.
      spare = buffer.length === bufferBytes ? buffer : Buffer.allocUnsafeSlow(bufferBytes)
      buffer = next
      at = 0
      return taken
    },
  }
}
