import { mkdir, mkdtemp, open, rm } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { ArchiveError } from './error.ts'

/** A private file without a name: nothing of it is left when the process ends, however it ends. */
export interface Spool extends AsyncDisposable {
  /** Bytes appended so far. */
  readonly size: number
  /** Appends `chunk`, which must not change afterwards; wait for one call before the next. */
  append(chunk: Uint8Array): Promise<void>
  /** Exactly `length` bytes from `position`; not to be changed. */
  read(position: number, length: number): Promise<Buffer>
  /** Everything, front to back; each chunk is good until the next one is asked for. */
  stream(): AsyncIterable<Uint8Array>
}

const bufferBytes = 256 * 1024
const windowBytes = 64 * 1024

/** Opens a spool in `folder`, which is made if need be. Rejects with 'no-space' when nothing can be written there. */
export async function openSpool(folder: string): Promise<Spool> {
  const file = await namelessFile(folder).catch((error: unknown) => {
    throw noSpace(folder, error)
  })
  return new FileSpool(file, folder)
}

class FileSpool implements Spool {
  readonly #file: FileHandle
  readonly #folder: string
  #open = true
  #written = 0
  #pending: Uint8Array[] = []
  #pendingBytes = 0
  // Two readers may come while what was appended is still on its way to the disk.
  #flushing: Promise<void> = Promise.resolve()
  #lastEnd = 0
  // Objects are mostly read in the order in which they were written; then one read serves many, also those that ask while it is under way.
  #window: { start: number; size: number; bytes: Promise<Buffer> } | undefined

  constructor(file: FileHandle, folder: string) {
    this.#file = file
    this.#folder = folder
  }

  get size(): number {
    return this.#written + this.#pendingBytes
  }

  async append(chunk: Uint8Array): Promise<void> {
    this.#checkOpen()
    this.#pending.push(chunk)
    this.#pendingBytes += chunk.length
    if (this.#pendingBytes >= bufferBytes) await this.#flush()
  }

  async read(position: number, length: number): Promise<Buffer> {
    this.#checkOpen()
    await this.#flush()
    const end = position + length
    const near = this.#window
    if (near !== undefined && position >= near.start && end <= near.start + near.size) {
      this.#lastEnd = end
      return (await near.bytes).subarray(position - near.start, end - near.start)
    }
    const sequential = position >= this.#lastEnd && position - this.#lastEnd < windowBytes
    this.#lastEnd = end
    if (!sequential || length > windowBytes) return await this.#readExactly(position, length)
    const size = Math.min(windowBytes, this.#written - position)
    const window = { start: position, size, bytes: this.#readExactly(position, size) }
    this.#window = window
    return (await window.bytes).subarray(0, length)
  }

  async *stream(): AsyncGenerator<Uint8Array> {
    // Read faster than the garbage collector comes by: a new one for each chunk would mean all of them at once.
    const buffer = Buffer.allocUnsafeSlow(bufferBytes)
    for (let at = 0; at < this.size; at += bufferBytes) {
      this.#checkOpen()
      await this.#flush()
      yield await this.#readInto(buffer.subarray(0, this.size - at), at)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#open) return
    this.#open = false
    await this.#file.close()
  }

  #checkOpen(): void {
    if (!this.#open) throw new ArchiveError('closed', 'the temporary data is gone: it was used after it was disposed')
  }

  #flush(): Promise<void> {
    if (this.#pendingBytes > 0)
      this.#flushing = Promise.all([this.#flushing, this.#writePending()]).then(() => undefined)
    return this.#flushing
  }

  async #writePending(): Promise<void> {
    const chunk = this.#pending.length === 1 ? this.#pending[0]! : Buffer.concat(this.#pending, this.#pendingBytes)
    this.#pending = []
    this.#pendingBytes = 0
    const position = this.#written
    this.#written += chunk.length
    try {
      for (let done = 0; done < chunk.length;) {
        done += (await this.#file.write(chunk, done, chunk.length - done, position + done)).bytesWritten
      }
    } catch (error) {
      throw noSpace(this.#folder, error)
    }
  }

  #readExactly(position: number, length: number): Promise<Buffer> {
    return this.#readInto(Buffer.allocUnsafeSlow(length), position)
  }

  async #readInto(bytes: Buffer, position: number): Promise<Buffer> {
    const { length } = bytes
    for (let done = 0; done < length;) {
      const { bytesRead } = await this.#file.read(bytes, done, length - done, position + done)
      if (bytesRead === 0)
        throw new ArchiveError('truncated', `the temporary file in ${this.#folder} was cut short; try again`)
      done += bytesRead
    }
    return bytes
  }
}

/** Made in a folder of our own, so that nobody can put a link in its place, and unlinked before the first byte. */
async function namelessFile(folder: string): Promise<FileHandle> {
  await mkdir(folder, { recursive: true })
  const own = await mkdtemp(join(folder, 'lifeboat-'))
  try {
    return await open(join(own, 'spool'), 'wx+', 0o600)
  } finally {
    await rm(own, { recursive: true, force: true })
  }
}

function noSpace(folder: string, cause: unknown): ArchiveError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new ArchiveError(
    'no-space',
    `cannot write temporary data in ${folder} (${reason}); free some space there or choose another folder`,
    { cause },
  )
}
