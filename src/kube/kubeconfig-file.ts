// What a kubeconfig file says, and how several become one. Pure: reading the files is config.ts's work.
import { dirname, isAbsolute, join } from 'node:path'
import { parse } from 'yaml'
import { KubeConfigError } from './cluster-config.ts'

/** One named cluster, context or user. */
export interface Entry {
  readonly fields: Fields
  /** The file it comes from: its relative paths start there. */
  readonly file: string
}

/** The content of one kubeconfig file, or of several merged. */
export interface KubeConfig {
  readonly currentContext: string | undefined
  readonly clusters: ReadonlyMap<string, Entry>
  readonly contexts: ReadonlyMap<string, Entry>
  readonly users: ReadonlyMap<string, Entry>
}

/** A mapping of the file, before anything is known of it. */
export type Fields = Readonly<Record<string, unknown>>

/** Reads the text of `file`. Throws KubeConfigError 'malformed' that names the line. */
export function parseKubeConfig(text: string, file: string): KubeConfig {
  let document: unknown
  try {
    document = parse(text, { logLevel: 'error' })
  } catch (error) {
    throw malformed(file, `is not valid YAML: ${(error as Error).message.split('\n')[0]}`, error)
  }
  if (document === null || document === undefined) return mergeKubeConfigs([])
  if (!isFields(document))
    throw malformed(file, 'is not a kubeconfig: a mapping with clusters, contexts and users is expected')
  return {
    currentContext: textOf(document['current-context']),
    clusters: entriesIn(document, { list: 'clusters', field: 'cluster', file }),
    contexts: entriesIn(document, { list: 'contexts', field: 'context', file }),
    users: entriesIn(document, { list: 'users', field: 'user', file }),
  }
}

/** As kubectl merges: whoever says something first is right, and a named entry is taken whole from the first file that has it. */
export function mergeKubeConfigs(configs: readonly KubeConfig[]): KubeConfig {
  return {
    currentContext: configs.map(({ currentContext }) => currentContext).find((context) => context !== undefined),
    clusters: firstOf(configs.map(({ clusters }) => clusters)),
    contexts: firstOf(configs.map(({ contexts }) => contexts)),
    users: firstOf(configs.map(({ users }) => users)),
  }
}

/** A text field; numbers and booleans that YAML made of unquoted text become text again. Undefined when it is absent or empty. */
export function textIn(entry: Entry, field: string): string | undefined {
  return textOf(entry.fields[field])
}

/** A field that names a file, as an absolute path. */
export function pathIn(entry: Entry, field: string): string | undefined {
  const path = textIn(entry, field)
  return path === undefined ? undefined : resolvePath(path, entry.file)
}

/** `path` as the file `from` means it. */
export function resolvePath(path: string, from: string): string {
  return isAbsolute(path) ? path : join(dirname(from), path)
}

/** Whether `value` is a mapping. */
export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** See `textIn`. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value === '' ? undefined : value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

function entriesIn(
  document: Fields,
  { list, field, file }: { list: string; field: string; file: string },
): Map<string, Entry> {
  const found = document[list] ?? []
  if (!Array.isArray(found)) throw malformed(file, `is not a kubeconfig: ${list} is not a list`)
  const entries = new Map<string, Entry>()
  for (const named of found as unknown[]) {
    const name = isFields(named) ? textOf(named['name']) : undefined
    if (!isFields(named) || name === undefined)
      throw malformed(file, `is not a kubeconfig: an entry of ${list} has no name`)
    const fields = named[field] ?? {}
    if (!isFields(fields)) throw malformed(file, `is not a kubeconfig: ${field} ${name} is not a mapping`)
    if (entries.has(name)) throw malformed(file, `names two entries of ${list} ${name}: remove one`)
    entries.set(name, { fields, file })
  }
  return entries
}

function firstOf(maps: readonly ReadonlyMap<string, Entry>[]): Map<string, Entry> {
  const first = new Map<string, Entry>()
  for (const map of maps) {
    for (const [name, entry] of map) {
      if (!first.has(name)) first.set(name, entry)
    }
  }
  return first
}

function malformed(file: string, what: string, cause?: unknown): KubeConfigError {
  return new KubeConfigError('malformed', `${file} ${what}`, { cause })
}
