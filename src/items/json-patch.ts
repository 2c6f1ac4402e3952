import { equalJson, objectOf, without } from './json.ts'
import { PatchError } from './patch-error.ts'

/** The keys from the whole down to a place; a number is an index where the place is in a list. */
export type Pointer = readonly string[]

/** One operation of RFC 6902. */
export type PatchOperation =
  | { readonly op: 'add' | 'replace' | 'test'; readonly path: Pointer; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: Pointer }
  | { readonly op: 'move' | 'copy'; readonly from: Pointer; readonly path: Pointer }

/** `/spec/ports/0` taken apart (RFC 6901); undefined when it is no pointer. */
export function parsePointer(text: string): Pointer | undefined {
  if (text === '') return []
  if (!text.startsWith('/') || /~(?![01])/.test(text)) return undefined
  return text
    .slice(1)
    .split('/')
    .map((key) => key.replaceAll('~1', '/').replaceAll('~0', '~'))
}

/**
 * `document` after all operations; nothing is changed in place. As in Velero a negative index counts from the end of its list. Throws
 * PatchError at the first operation that fails.
 */
export function applyJsonPatch(document: unknown, operations: readonly PatchOperation[]): unknown {
  return operations.reduce(applyOperation, document)
}

function applyOperation(document: unknown, operation: PatchOperation): unknown {
  switch (operation.op) {
    case 'add':
      return added(document, operation.path, operation.value)
    case 'remove':
      return removed(document, operation.path)
    case 'replace':
      return changedAt(document, operation, (parent, key) => {
        if (own(parent, key) === undefined) throw missing(operation)
        return put(parent, key, operation.value)
      })
    case 'test':
      return tested(document, operation)
    case 'move': {
      const { from, path } = operation
      if (from.length < path.length && from.every((key, index) => key === path[index])) {
        throw new PatchError('does-not-apply', `${show(from)} cannot be moved into itself, ${show(path)}`)
      }
      return added(removed(document, from), path, valueAt(document, from))
    }
    case 'copy':
      return added(document, operation.path, valueAt(document, operation.from))
  }
}

function tested(document: unknown, { path, value }: { path: Pointer; value: unknown }): unknown {
  const parent = path.length === 0 ? undefined : valueAt(document, path.slice(0, -1), { op: 'test', path })
  const found = path.length === 0 ? document : own(parent, path.at(-1)!)
  // What is not there is as good as null, as in Velero.
  if (equalJson(found ?? null, value)) return document
  throw new PatchError('test-failed', `${show(path)} is ${shortly(found)}, not ${shortly(value)}`)
}

function added(document: unknown, path: Pointer, value: unknown): unknown {
  return changedAt(document, { op: 'add', path }, (parent, key) => {
    if (!Array.isArray(parent)) return put(parent, key, value)
    const index = key === '-' ? parent.length : indexIn(parent.length + 1, key)
    if (index === undefined) throw missing({ op: 'add', path })
    return parent.toSpliced(index, 0, value)
  })
}

function removed(document: unknown, path: Pointer): unknown {
  return changedAt(document, { op: 'remove', path }, (parent, key) => {
    if (own(parent, key) === undefined) throw missing({ op: 'remove', path })
    if (!Array.isArray(parent)) return without(parent, [key])
    return parent.toSpliced(indexIn(parent.length, key)!, 1)
  })
}

type Container = Readonly<Record<string, unknown>> | readonly unknown[]

interface Place {
  readonly op: PatchOperation['op']
  readonly path: Pointer
}

/** `document` with the container that holds the last key of the path changed. */
function changedAt(document: unknown, place: Place, change: (parent: Container, key: string) => unknown): unknown {
  const descend = (value: unknown, [key, ...rest]: Pointer): unknown => {
    const parent = containerOf(value)
    if (parent === undefined || key === undefined) throw missing(place)
    if (rest.length === 0) return change(parent, key)
    const inner = own(parent, key)
    if (inner === undefined) throw missing(place)
    return put(parent, key, descend(inner, rest))
  }
  return descend(document, place.path)
}

function valueAt(document: unknown, path: Pointer, place: Place = { op: 'copy', path }): unknown {
  return path.reduce((value, key) => {
    const found = own(value, key)
    if (found === undefined) throw missing(place)
    return found
  }, document)
}

function containerOf(value: unknown): Container | undefined {
  return Array.isArray(value) ? value : objectOf(value)
}

/** What is at `key`; undefined when nothing is. JSON itself has no undefined. */
function own(value: unknown, key: string): unknown {
  const container = containerOf(value)
  if (container === undefined) return undefined
  if (Array.isArray(container)) return container[indexIn(container.length, key) ?? -1]
  return Object.hasOwn(container, key) ? (container as Readonly<Record<string, unknown>>)[key] : undefined
}

function put(container: Container, key: string, value: unknown): Container {
  if (Array.isArray(container)) return container.with(indexIn(container.length, key)!, value)
  // A computed key, also __proto__, is data like any other.
  return { ...(container as Readonly<Record<string, unknown>>), [key]: value }
}

function indexIn(length: number, key: string): number | undefined {
  if (!/^(0|-?[1-9]\d*)$/.test(key)) return undefined
  const index = Number(key) < 0 ? Number(key) + length : Number(key)
  return index >= 0 && index < length ? index : undefined
}

function missing({ op, path }: Place): PatchError {
  return new PatchError('does-not-apply', `cannot ${op} ${show(path)}: there is nothing at this path`)
}

/** The pointer as it is written. */
export function show(path: Pointer): string {
  return path.map((key) => `/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

function shortly(value: unknown): string {
  if (value === undefined) return 'missing'
  const text = JSON.stringify(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}
