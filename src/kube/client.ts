// kube/ talks to one API server: configuration, credentials, requests, retries, paging, watching, discovery. It must never know
// what a backup is. This file is its contract; `connect` in connect.ts makes one.
import type { ExecEnd, ExecOptions } from './exec.ts'
import type { KubeObject, RawObject, ResourceType, ServedType } from './object.ts'

/** One page of a list. Items always carry `apiVersion` and `kind`. */
export interface Page<T extends object = KubeObject> {
  items: T[]
  resourceVersion: string
  /** Continue token; undefined on the last page. */
  continue: string | undefined
  /** How many objects follow this page, if the server says (it does not for lists with a selector). */
  remaining?: number | undefined
}

/** One page of a list whose objects nobody has parsed yet. */
export interface RawPage extends Pick<Page, 'resourceVersion' | 'continue' | 'remaining'> {
  items: RawList
  /** Bytes of the answer. */
  size: number
}

/** Objects that are made when they are asked for, and each time anew: until then a page is no more than the bytes of the answer. */
export interface RawList extends Iterable<RawObject> {
  readonly length: number
  /** From 0 to below `length`. */
  at(index: number): RawObject
  /** Gives the bytes back at once, which the garbage collector would take its time for: objects that were not parsed before are lost. */
  release(): void
}

/** What to list, for who wants little of each object. */
export interface RawOptions extends ListOptions {
  /** Parse the whole answer at once: without it, what is wrong within an object may stay unnoticed until the object is asked for. */
  checked?: boolean | undefined
}

/** How to go on with a list. */
export interface RestOptions extends Pick<
  RawOptions,
  'namespace' | 'labelSelector' | 'fieldSelector' | 'limit' | 'checked' | 'signal'
> {
  /** About how many bytes a page should have at most, as far as that can be told from the page before. */
  pageBytes?: number | undefined
}

/** What to list. With `continue`, the token decides on the version: `resourceVersion` and its match are not sent. */
export interface ListOptions {
  namespace?: string | undefined
  labelSelector?: string | undefined
  fieldSelector?: string | undefined
  /** Objects per page; default 500. */
  limit?: number | undefined
  continue?: string | undefined
  resourceVersion?: string | undefined
  resourceVersionMatch?: 'Exact' | 'NotOlderThan' | undefined
  /** How long the server may take, in seconds. */
  timeoutSeconds?: number | undefined
  signal?: AbortSignal | undefined
}

/** One change, in the order of the server; a bookmark only says how far the watch has got. */
export type WatchEvent<T extends object = KubeObject> =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED'; object: T }
  | { type: 'BOOKMARK'; resourceVersion: string }

/** What to watch, and from where on. */
export interface WatchOptions {
  namespace?: string | undefined
  labelSelector?: string | undefined
  fieldSelector?: string | undefined
  resourceVersion: string
  /** After how many seconds the server ends one connection (the watch then reconnects); default about five minutes. */
  timeoutSeconds?: number | undefined
  signal?: AbortSignal | undefined
}

/** Where one object is, and how to give up. */
export interface Scoped {
  namespace?: string | undefined
  signal?: AbortSignal | undefined
}

/** How to write. */
export interface WriteOptions extends Scoped {
  dryRun?: boolean | undefined
  fieldManager?: string | undefined
  /** `status` for types with a status subresource. */
  subresource?: string | undefined
}

/** Exactly one kind of patch. */
export type Patch = { merge: unknown } | { json: readonly unknown[] } | { strategic: unknown }

/** How to delete; with `uid`, only that very object (KubeError 'conflict' when the name belongs to another one by now). */
export interface DeleteOptions extends Scoped {
  propagation?: 'Foreground' | 'Background' | 'Orphan' | undefined
  uid?: string | undefined
  resourceVersion?: string | undefined
  gracePeriodSeconds?: number | undefined
  dryRun?: boolean | undefined
}

/** Where a server behind a Service is asked. */
export interface ServicePort extends Scoped {
  readonly namespace: string
  readonly service: string
  /** Name of the Service's port. */
  readonly port: string
}

/** What the server serves. */
export interface Discovery {
  types: ServedType[]
  /** Group-versions that could not be discovered (stale APIServices), with the server's words. */
  failures: { groupVersion: string; message: string }[]
}

/** The server's `/version`, the fields we use. */
export interface ServerVersion {
  major: string
  minor: string
  gitVersion: string
}

/**
 * Talks to one API server. Every method rejects with `KubeError`, with `KubeConfigError` when the credentials cannot be had, or with the
 * signal's reason when aborted. Safe to use from many tasks at once.
 */
export interface KubeClient {
  /** `https://host:port`, for messages. */
  readonly server: string
  get<T extends object = KubeObject>(type: ResourceType<T>, name: string, options?: Scoped): Promise<T>
  /** As `get`, but undefined when the object does not exist. */
  find<T extends object = KubeObject>(type: ResourceType<T>, name: string, options?: Scoped): Promise<T | undefined>
  list<T extends object = KubeObject>(type: ResourceType<T>, options?: ListOptions): Promise<Page<T>>
  /** Every page in order; the next page is fetched while the caller works on the current one. */
  pages<T extends object = KubeObject>(type: ResourceType<T>, options?: ListOptions): AsyncIterable<Page<T>>
  /** As `list`, for who wants little of each object, or its bytes. */
  listRaw(type: ResourceType, options?: RawOptions): Promise<RawPage>
  /** All pages behind `page`, as `pages`; whoever makes it must not change the selection. */
  pagesAfter(page: RawPage, type: ResourceType, options?: RestOptions): AsyncIterable<RawPage>
  /** Reconnects by itself; throws KubeError 'expired' when the version is too old (caller lists again). */
  watch<T extends object = KubeObject>(type: ResourceType<T>, options: WatchOptions): AsyncIterable<WatchEvent<T>>
  /**
   * POST. Repeated only when the server certainly did not process it (429, connection refused). A connection lost in between rejects with
   * 'unreachable': the object may then exist, so whoever creates it again must be ready for 'already-exists' and compare.
   */
  create<T extends object = KubeObject>(type: ResourceType<T>, object: T, options?: WriteOptions): Promise<T>
  /** As `create`, for who does not ask what the server made of the object: nothing of the answer is read. */
  createUnread(type: ResourceType, object: KubeObject, options?: WriteOptions): Promise<void>
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
  /** What a container of a pod has written so far; with `previous`, what it wrote before it was last restarted. */
  podLog(pod: string, options: Scoped & { container: string; previous?: boolean | undefined }): Promise<string>
  /**
   * What a server behind a Service answers to a GET of `path`, as it comes. The API server asks it, and does not say for whom. Needs the right to `get`
   * `services/proxy`. When nobody behind it can be asked, that is told at once: KubeError 'not-found' or 'server'. Bytes that break off reject as the call would.
   */
  throughService(path: string, at: ServicePort): Promise<AsyncIterable<Uint8Array>>
  /** Asks the server each time; aggregated discovery when offered. Preferred versions and others, no subresources. */
  discover(options?: { signal?: AbortSignal | undefined }): Promise<Discovery>
  version(options?: { signal?: AbortSignal | undefined }): Promise<ServerVersion>
  /**
   * Runs a program in a container of the pod and waits for its end, whatever its exit code. Needs the right to `create` (before Kubernetes 1.35: `get`) `pods/exec`.
   * Rejects besides with ExecError; the program may then still run.
   */
  exec(pod: string, options: ExecOptions): Promise<ExecEnd>
  /** Requests sent so far, retries included. */
  readonly calls: number
  close(): Promise<void>
}
