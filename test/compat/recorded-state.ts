import { createHash } from 'node:crypto'
import { globSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseJson } from '#kube/json.ts'
import type { KubeObject } from '#kube/object.ts'
import type { ClusterState } from './normalize.ts'

/** Reads a folder that `writeState`, or the recorder of golden/state, wrote: the objects by their path without `.json`. */
export async function readState(folder: string): Promise<ClusterState> {
  const paths = globSync('*/*/*.json', { cwd: folder }).toSorted()
  const objects = paths.map(async (path): Promise<[string, KubeObject]> => {
    const object = parseJson(await readFile(join(folder, path), 'utf8')) as KubeObject
    return [path.slice(0, -'.json'.length), object]
  })
  return new Map(await Promise.all(objects))
}

/** Writes one file per object under `folder`: `plural.group/namespace or _cluster/name.json`. */
export async function writeState(state: ClusterState, folder: string): Promise<void> {
  for (const [key, object] of state) {
    const file = join(folder, `${pathOf(key)}.json`)
    await mkdir(dirname(file), { recursive: true })
    await writeFile(file, `${JSON.stringify(object, undefined, 1)}\n`)
  }
}

/**
 * What is different between a recorded state and a live one, one readable line each; empty when they are equal. Both may be
 * keyed by object or by path. An empty map or list is not the same as none.
 */
export function differences(recorded: ClusterState, live: ClusterState): string[] {
  const was = byPath(recorded)
  const is = byPath(live)
  return [...new Set([...was.keys(), ...is.keys()])].toSorted().flatMap((path) => {
    const before = was.get(path)
    const after = is.get(path)
    if (before === undefined) return [`${path}: is there, but was not recorded`]
    if (after === undefined) return [`${path}: was recorded, but is not there`]
    return changes(before, after).map((change) => `${path}: ${change}`)
  })
}

/** The same state by paths, as `readState` gives it. */
export function byPath(state: ClusterState): ClusterState {
  return new Map([...state].map(([key, object]) => [pathOf(key), object]))
}

/** The path for a key; a second time it changes nothing. */
function pathOf(key: string): string {
  const [resource = '', namespace = '', ...rest] = key.split('/')
  const name = rest.join('/').replaceAll(':', '_colon_')
  const file = name.length > 240 ? `${name.slice(0, 200)}~${sha256(name).slice(0, 8)}` : name
  return `${resource}/${namespace}/${file}`
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function* pairs(before: object, after: object): Generator<[string, unknown, unknown]> {
  const fields = new Set([...Object.keys(before), ...Object.keys(after)])
  for (const field of [...fields].toSorted()) {
    yield [field, (before as Record<string, unknown>)[field], (after as Record<string, unknown>)[field]]
  }
}

function changes(before: unknown, after: unknown, path = ''): string[] {
  if (isContainer(before) && isContainer(after) && Array.isArray(before) === Array.isArray(after)) {
    return [...pairs(before, after)].flatMap(([field, was, is]) => changes(was, is, inside(path, field, before)))
  }
  const [was, is] = [shown(before), shown(after)]
  return canonical(was) === canonical(is) ? [] : [`${path} was ${was}, is ${is}`]
}

function inside(path: string, field: string, container: object): string {
  if (Array.isArray(container)) return `${path}[${field}]`
  if (/^\w+$/.test(field)) return path === '' ? field : `${path}.${field}`
  return `${path}[${JSON.stringify(field)}]`
}

/** Objects and lists, but not raw JSON numbers, which are frozen. */
function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Object.isFrozen(value)
}

function shown(value: unknown): string {
  return value === undefined ? 'absent' : JSON.stringify(value)
}

/**
 * JSON of a scalar with one spelling for every way to write the same number, which the recorder and the server do not always
 * write alike (`1.5e-07`, `1.5e-7`). Not by way of a double, since that would make large numbers equal.
 */
function canonical(json: string): string {
  const [whole, sign = '', integer = '', fraction = '', exponent = '0'] =
    /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(json) ?? []
  if (whole === undefined) return json
  const digits = (integer + fraction).replace(/^0+/, '')
  const significant = digits.replace(/0+$/, '')
  if (significant === '') return '0'
  return `${sign}${significant}e${Number(exponent) - fraction.length + digits.length - significant.length}`
}
