import { decodeMapGz, encodeJsonGz, isMap } from './json-gz.ts'
import type { StoredBytes } from './json-gz.ts'
import { textsOf } from './resource-list.ts'
import type { LogFields } from './log-line.ts'

/** `{velero, cluster, namespaces}` of a results file (spec/object-store §6). */
export interface ResultSet {
  velero?: string[]
  cluster?: string[]
  namespaces?: Record<string, string[]>
}

/** Content of a results file. */
export interface Results {
  warnings: ResultSet
  errors: ResultSet
}

/** No warnings and no errors. */
export function emptyResults(): Results {
  return { warnings: {}, errors: {} }
}

/** Adds `text` to `set`: to its namespace, with `''` to the cluster, with undefined to Velero's own (spec/object-store §6). */
export function addResult(set: ResultSet, namespace: string | undefined, text: string): void {
  if (namespace === undefined) (set.velero ??= []).push(text)
  else if (namespace === '') (set.cluster ??= []).push(text)
  else namespaceTexts((set.namespaces ??= {}), namespace).push(text)
}

// `constructor` is a valid namespace: only own keys count, and new ones are defined rather than assigned.
function namespaceTexts(namespaces: Record<string, string[]>, namespace: string): string[] {
  if (!Object.hasOwn(namespaces, namespace)) {
    Object.defineProperty(namespaces, namespace, { value: [], enumerable: true, writable: true, configurable: true })
  }
  return namespaces[namespace]!
}

/** Everything of both, `first` before `second`; neither is changed. */
export function mergeResults(first: Results, second: Results): Results {
  return { warnings: mergeSets(first.warnings, second.warnings), errors: mergeSets(first.errors, second.errors) }
}

function mergeSets(first: ResultSet, second: ResultSet): ResultSet {
  const merged: ResultSet = {}
  for (const set of [first, second]) {
    for (const text of set.velero ?? []) addResult(merged, undefined, text)
    for (const text of set.cluster ?? []) addResult(merged, '', text)
    for (const [namespace, texts] of Object.entries(set.namespaces ?? {})) {
      for (const text of texts) addResult(merged, namespace, text)
    }
  }
  return merged
}

/** Number of entries in a set. */
export function countResults(set: ResultSet): number {
  const namespaces = Object.values(set.namespaces ?? {}).reduce((sum, texts) => sum + texts.length, 0)
  return (set.velero?.length ?? 0) + (set.cluster?.length ?? 0) + namespaces
}

/** The entry that a logged warning or error makes in the results of a backup (spec/object-store §6). */
export function resultText(message: string, { resource, name, error }: LogFields): string {
  const parts = { resource, name, message, error }
  return Object.entries(parts)
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([part, value]) => ` ${part}: /${value}`)
    .join('')
}

/** The bytes of a `-results.gz`. */
export async function encodeResults({ errors, warnings }: Results): Promise<Uint8Array> {
  return await encodeJsonGz({ errors, warnings })
}

/** The results in a `-results.gz`; absent parts are empty. */
export async function decodeResults(bytes: StoredBytes): Promise<Results> {
  const { warnings, errors } = await decodeMapGz(bytes, { name: 'the results file' })
  return { warnings: resultSet(warnings), errors: resultSet(errors) }
}

function resultSet(value: unknown): ResultSet {
  if (!isMap(value)) return {}
  const set: ResultSet = {}
  for (const text of textsOf(value['velero'])) addResult(set, undefined, text)
  for (const text of textsOf(value['cluster'])) addResult(set, '', text)
  for (const [namespace, texts] of Object.entries(isMap(value['namespaces']) ? value['namespaces'] : {})) {
    for (const text of textsOf(texts)) addResult(set, namespace, text)
  }
  return set
}
