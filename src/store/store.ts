// The store room: objects under keys, in a bucket or a directory, and Velero's key layout in it.
// It must never know what the objects mean: archives, backups and clusters are other rooms' business.

export type StoreProblem =
  | 'missing'
  | 'exists'
  | 'denied'
  | 'full'
  | 'locked'
  | 'busy'
  | 'unreachable'
  | 'no-bucket'
  | 'invalid'

/** What an object store could not do. Drivers translate their library's errors into this one; the message names the object, what is wrong and the next step. */
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

/** Environment variables as in process.env; the room never reads that one itself. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Bytes `start` to `end` inclusive, counted from 0; an `end` past the object means its last byte. */
export interface ByteRange {
  start: number
  end: number
}

export interface StoredObject {
  /** Relative to the store's prefix. */
  key: string
  /** Bytes. */
  size: number
  modified: Date
}

/** A lock that still holds: what is under it cannot be deleted. */
export interface ObjectLock {
  readonly key: string
  /** Undefined for a legal hold, which somebody has to lift. */
  readonly until: Date | undefined
}

/** How far a store is protected from those who may delete in it; undefined where nobody may know. */
export interface Protection {
  /** What is deleted or overwritten stays as an older version. */
  readonly versions: boolean | undefined
  /** `used`: what is put is locked, by the store's settings or the bucket's; `possible`: the bucket could. */
  readonly locks: 'used' | 'possible' | 'none' | undefined
}

/** What a store does besides whose objects can have versions and locks. */
export interface ObjectLocks {
  /** The lock below `prefix` that holds longest; undefined when none holds. */
  longest(prefix: string): Promise<ObjectLock | undefined>
  /** Where the store locks what is put: deletes what `delete` has only hidden, every version of everything below `prefix`. Every one is tried; then the first failure is thrown. */
  purge(prefix: string): Promise<void>
  protection(): Promise<Protection>
}

/**
 * A place for objects under keys with `/`. No object is ever overwritten. Keys obey `keyProblem` in store/key.ts ('invalid' otherwise).
 * Every method rejects with `StoreError`, with two exceptions: an abort rejects with the signal's reason, and the error of a `body` passes through `put` as it is.
 */
export interface ObjectStore {
  /** For messages; never holds credentials. */
  readonly url: string
  /**
   * Makes `key` with all of `body`, or nothing at all: a body that throws or an abort leaves no object. 'exists' when the key is taken. Resolves to the size in bytes.
   * A chunk is done with when the next one is asked for, and may then be overwritten.
   */
  put(key: string, body: Bytes, options?: { signal?: AbortSignal | undefined }): Promise<number>
  /** 'missing' when there is no such object, 'invalid' when `range` starts behind its end. A connection lost midway is taken up again where the driver can. */
  get(
    key: string,
    options?: { range?: ByteRange | undefined; signal?: AbortSignal | undefined },
  ): Promise<AsyncIterable<Uint8Array>>
  /** Undefined when there is no such object. */
  head(key: string): Promise<StoredObject | undefined>
  /** Every object whose key starts with `prefix` (which ends with `/` or is empty), in the order of the keys' UTF-8 bytes, page by page. */
  list(prefix: string): AsyncIterable<StoredObject>
  /** The next path segments directly below `prefix` (which ends with `/` or is empty), in order: `backups/` → `a`, `b`. Objects directly below it are not named. */
  folders(prefix: string): AsyncIterable<string>
  /** Deleting what is not there is no error. Where objects have versions this only hides them. */
  delete(key: string): Promise<void>
  /** A URL that gives the object to anybody for `seconds`; undefined where the driver has no such thing. */
  presignGet(key: string, seconds: number): Promise<string | undefined>
  /** Proves that the store exists and can be read, and with `write` that it can be written; leaves nothing behind. A directory that is not there is made by `write` when its parent exists. */
  check(options: { write: boolean }): Promise<void>
  /** Undefined where the driver has no such thing. */
  readonly locks: ObjectLocks | undefined
  close(): Promise<void>
}
