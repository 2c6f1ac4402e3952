// CONTRACT (owner: store/). Other rooms code against these signatures; the owner completes the file.

export type StoreProblem = 'missing' | 'exists' | 'denied' | 'full' | 'busy' | 'unreachable' | 'no-bucket' | 'invalid'

/** What an object store could not do. Drivers translate their library's errors into this one. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
  readonly problem: StoreProblem
  constructor(problem: StoreProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }
  get worthRetrying(): boolean {
    return this.problem === 'busy' || this.problem === 'unreachable'
  }
}

export type Bytes = Uint8Array | AsyncIterable<Uint8Array>

export interface StoredObject {
  /** Relative to the store's prefix. */
  key: string
  /** Bytes. */
  size: number
  modified: Date
}

/** A place for objects under keys with `/`. No object is ever overwritten. Every method rejects with `StoreError`. */
export interface ObjectStore {
  /** For messages; never holds credentials. */
  readonly url: string
  /** Makes `key` with all of `body`, or nothing at all: a body that throws or an abort leaves no object. 'exists' when the key is taken. Resolves to the size in bytes. */
  put(key: string, body: Bytes, options?: { signal?: AbortSignal | undefined }): Promise<number>
  /** 'missing' when there is no such object. `range` is in bytes, end inclusive. */
  get(
    key: string,
    options?: { range?: { start: number; end: number } | undefined; signal?: AbortSignal | undefined },
  ): Promise<AsyncIterable<Uint8Array>>
  /** Undefined when there is no such object. */
  head(key: string): Promise<StoredObject | undefined>
  /** Every object below `prefix`, in key order, page by page. */
  list(prefix: string): AsyncIterable<StoredObject>
  /** The next path segments directly below `prefix` (which ends with `/` or is empty): `backups/` → `a`, `b`. */
  folders(prefix: string): AsyncIterable<string>
  /** Deleting what is not there is no error. */
  delete(key: string): Promise<void>
  /** A URL that gives the object to anybody for `seconds`; undefined where the driver has no such thing. */
  presignGet(key: string, seconds: number): Promise<string | undefined>
  /** Proves that the store exists and can be read, and with `write` that it can be written; leaves nothing behind. */
  check(options: { write: boolean }): Promise<void>
  close(): Promise<void>
}
