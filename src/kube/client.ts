// CONTRACT (owner: kube/). Other rooms code against these signatures; the owner completes the file.
import type { KubeObject, ResourceType, ServedType } from './object.ts'

/** One page of a list. Items always carry `apiVersion` and `kind`. */
export interface Page<T extends object = KubeObject> {
  items: T[]
  resourceVersion: string
  /** Continue token; undefined on the last page. */
  continue: string | undefined
}

export interface ListOptions {
  namespace?: string | undefined
  labelSelector?: string | undefined
  fieldSelector?: string | undefined
  /** Objects per page; default 500. */
  limit?: number | undefined
  continue?: string | undefined
  resourceVersion?: string | undefined
  resourceVersionMatch?: 'Exact' | 'NotOlderThan' | undefined
  signal?: AbortSignal | undefined
}

export type WatchEvent<T extends object = KubeObject> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  | { type: 'BOOKMARK'; resourceVersion: string }

export interface WatchOptions {
  namespace?: string | undefined
  labelSelector?: string | undefined
  fieldSelector?: string | undefined
  resourceVersion: string
  signal?: AbortSignal | undefined
}

export interface Scoped {
  namespace?: string | undefined
  signal?: AbortSignal | undefined
}

export interface WriteOptions extends Scoped {
  dryRun?: boolean | undefined
  fieldManager?: string | undefined
  /** `status` for types with a status subresource. */
  subresource?: string | undefined
}

/** Exactly one kind of patch. */
export type Patch = { merge: unknown } | { json: readonly unknown[] } | { strategic: unknown }

export interface DeleteOptions extends Scoped {
  propagation?: 'Foreground' | 'Background' | 'Orphan' | undefined
  uid?: string | undefined
  gracePeriodSeconds?: number | undefined
}

export interface Discovery {
  types: ServedType[]
  /** Group-versions that could not be discovered (stale APIServices), with the server's words. */
  failures: { groupVersion: string; message: string }[]
}

export interface ServerVersion {
  major: string
  minor: string
  gitVersion: string
}

/** Talks to one API server. Every method rejects with `KubeError`. Safe to use from many tasks at once. */
export interface KubeClient {
  /** `https://host:port`, for messages. */
  readonly server: string
  get<T extends object = KubeObject>(type: ResourceType<T>, name: string, options?: Scoped): Promise<T>
  /** As `get`, but undefined when the object does not exist. */
  find<T extends object = KubeObject>(type: ResourceType<T>, name: string, options?: Scoped): Promise<T | undefined>
  list<T extends object = KubeObject>(type: ResourceType<T>, options?: ListOptions): Promise<Page<T>>
  /** Every page in order; the next page is fetched while the caller works on the current one. */
  pages<T extends object = KubeObject>(type: ResourceType<T>, options?: ListOptions): AsyncIterable<Page<T>>
  /** Reconnects by itself; throws KubeError 'expired' when the version is too old (caller lists again). */
  watch<T extends object = KubeObject>(type: ResourceType<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>>
  create<T extends object = KubeObject>(type: ResourceType<T>, object: T, options?: WriteOptions): Promise<T>
  /** PUT; the object's resourceVersion, if set, guards against lost updates (KubeError 'conflict'). */
  replace<T extends object = KubeObject>(type: ResourceType<T>, object: T, options?: WriteOptions): Promise<T>
  patch<T extends object = KubeObject>(
    type: ResourceType<T>,
    name: string,
    patch: Patch,
    options?: WriteOptions,
  ): Promise<T>
  /** Server-side apply. */
  apply<T extends object = KubeObject>(
    type: ResourceType<T>,
    object: T,
    options: WriteOptions & { fieldManager: string; force?: boolean | undefined },
  ): Promise<T>
  /** False when there was nothing to delete. */
  delete(type: ResourceType, name: string, options?: DeleteOptions): Promise<boolean>
  /** Asks the server each time; aggregated discovery when offered. Preferred versions and others, no subresources. */
  discover(options?: { signal?: AbortSignal | undefined }): Promise<Discovery>
  version(options?: { signal?: AbortSignal | undefined }): Promise<ServerVersion>
  /** Requests sent so far, retries included. */
  readonly calls: number
  close(): Promise<void>
}
