// Kubernetes' strategic merge patches: merge patches that know which lists are maps in disguise.
// https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
import { equalJson, listOf, objectOf, type JsonObject } from './json.ts'
import type { FieldRule, MergeRules } from './merge-keys.ts'
import { PatchError } from './patch-error.ts'

const directive = '$patch'
const retained = '$retainKeys'
const deletedFrom = '$deleteFromPrimitiveList/'
const orderOf = '$setElementOrder/'

/** `object` with the patch merged into it as the API server would; nothing is changed in place. Throws PatchError. */
export function applyStrategicPatch(object: JsonObject, patch: JsonObject, rules: MergeRules): JsonObject {
  switch (patch[directive]) {
    case undefined:
      break
    case 'replace':
      return objectOf(cleaned(withoutKey(patch, directive))) ?? {}
    case 'delete':
      return {}
    default:
      throw badDirective(patch[directive])
  }
  const result = new Map(Object.entries(retainKeys(object, patch)))
  for (const field of fieldsOf(patch)) {
    const merged = mergedField(result.get(field), { patch, field, rule: ruleOf(rules, field) })
    if (merged === undefined) result.delete(field)
    else result.set(field, merged)
  }
  return Object.fromEntries(result)
}

function ruleOf(rules: MergeRules, field: string): FieldRule {
  return (Object.hasOwn(rules, field) ? rules[field] : undefined) ?? {}
}

/** Every field that the patch says something about, once. */
function fieldsOf(patch: JsonObject): Set<string> {
  const fields = Object.keys(patch).filter((key) => key !== directive && key !== retained)
  return new Set(
    fields.map((key) => {
      const prefix = [deletedFrom, orderOf].find((start) => key.startsWith(start)) ?? ''
      return key.slice(prefix.length)
    }),
  )
}

/** Without the fields that the patch does not retain, where it says which it does. */
function retainKeys(object: JsonObject, patch: JsonObject): JsonObject {
  if (!Object.hasOwn(patch, retained)) return object
  const kept = patch[retained]
  const lost = Array.isArray(kept)
    ? [...fieldsOf(patch)].filter((field) => (patch[field] ?? null) !== null && !kept.includes(field))
    : []
  if (!Array.isArray(kept) || lost.length > 0) {
    throw new PatchError('does-not-apply', `${retained} must be a list with every field of its patch${named(lost)}`)
  }
  return Object.fromEntries(Object.entries(object).filter(([field]) => kept.includes(field)))
}

function named(fields: readonly string[]): string {
  return fields.length === 0 ? '' : `: ${fields.join(', ')} is not in it`
}

interface FieldPatch {
  readonly patch: JsonObject
  readonly field: string
  readonly rule: FieldRule
}

function mergedField(before: unknown, { patch, field, rule }: FieldPatch): unknown {
  const order = patch[orderOf + field]
  const toDelete = patch[deletedFrom + field]
  let value = before
  if (Object.hasOwn(patch, field)) value = mergedValue(before, patch[field], rule)
  if (order !== undefined && Array.isArray(value)) {
    checkOrder(listOf(patch[field]), order, { field, rule })
    value = inOrder(value, { order: listOf(order), server: listOf(before), key: rule.key ?? '' })
  }
  if (toDelete !== undefined && Array.isArray(value)) {
    const gone = listOf(toDelete)
    value = value.filter((element) => !gone.some((one) => equalJson(one, element)))
  }
  return value
}

function mergedValue(before: unknown, patched: unknown, rule: FieldRule): unknown {
  if (patched === null) return undefined
  const [oldObject, newObject] = [objectOf(before), objectOf(patched)]
  if (oldObject !== undefined && newObject !== undefined) {
    return rule.replaced === true ? cleaned(newObject) : applyStrategicPatch(oldObject, newObject, rule.fields ?? {})
  }
  if (Array.isArray(before) && Array.isArray(patched) && rule.key !== undefined) {
    return mergedList(before, patched, { ...rule, key: rule.key })
  }
  return cleaned(patched)
}

interface ListRule extends FieldRule {
  readonly key: string
}

function mergedList(before: readonly unknown[], patch: readonly unknown[], rule: ListRule): unknown[] {
  if (rule.key === '') {
    const all = [...before, ...patch]
    const once = all.filter((value, index) => all.findIndex((other) => equalJson(other, value)) === index)
    return inOrder(once, { order: patch, server: before, key: '' })
  }
  const elements = patch.map((element) => withKey(element, rule.key))
  const plain = elements.filter((element) => element[directive] === undefined)
  if (elements.some((element) => element[directive] === 'replace')) return plain.map(cleaned)
  let merged: readonly unknown[] = before
  for (const element of elements) {
    const value = element[directive]
    if (value === undefined) merged = withElement(merged, element, rule)
    else if (value === 'delete') merged = merged.filter((other) => !sameElement(other, element, rule.key))
    else throw badDirective(value)
  }
  return inOrder(merged, { order: plain, server: before, key: rule.key })
}

function withKey(element: unknown, key: string): JsonObject {
  const object = objectOf(element)
  const isReplacement = object?.[directive] === 'replace'
  if (object !== undefined && (isReplacement || Object.hasOwn(object, key))) return object
  throw new PatchError('does-not-apply', `an element of a merged list has no ${key}: ${JSON.stringify(element)}`)
}

function withElement(list: readonly unknown[], element: JsonObject, { key, fields = {} }: ListRule): unknown[] {
  const at = list.findIndex((other) => sameElement(other, element, key))
  const old = objectOf(list[at])
  return old === undefined ? [...list, cleaned(element)] : list.with(at, applyStrategicPatch(old, element, fields))
}

function sameElement(one: unknown, other: unknown, key: string): boolean {
  if (key === '') return equalJson(one, other)
  return equalJson(objectOf(one)?.[key], objectOf(other)?.[key])
}

interface Ordering {
  /** How the patch wants the elements that it names. */
  readonly order: readonly unknown[]
  /** The list before: the other elements keep its order, also towards those that were in it. */
  readonly server: readonly unknown[]
  readonly key: string
}

/** As the API server does it, what is new comes before what the patch does not name. */
function inOrder(list: readonly unknown[], { order, server, key }: Ordering): unknown[] {
  const indexIn = (whole: readonly unknown[], element: unknown): number =>
    whole.findIndex((other) => sameElement(other, element, key))
  const ours = list
    .filter((element) => indexIn(order, element) >= 0)
    .toSorted((a, b) => indexIn(order, a) - indexIn(order, b))
  const theirs = list.filter((element) => indexIn(order, element) < 0)
  const result: unknown[] = []
  while (ours.length > 0 && theirs.length > 0) {
    const [our, their] = [indexIn(server, ours[0]), indexIn(server, theirs[0])]
    result.push(our >= 0 && their >= 0 && their < our ? theirs.shift() : ours.shift())
  }
  return [...result, ...ours, ...theirs]
}

/** The elements of the patch must come in the order that it sets. */
function checkOrder(
  patch: readonly unknown[],
  order: unknown,
  { field, rule }: { field: string; rule: FieldRule },
): void {
  const key = rule.key ?? ''
  const places = patch
    .filter((element) => objectOf(element)?.[directive] === undefined)
    .map((element) => listOf(order).findIndex((other) => sameElement(other, element, key)))
  const fits = places.every((place, index) => place >= 0 && place > (places[index - 1] ?? -1))
  if (Array.isArray(order) && (fits || order.length === 0)) return
  throw new PatchError('does-not-apply', `${orderOf}${field} is not the order of the elements of ${field} in the patch`)
}

/** A value that comes into the object as it is: without nulls, and without objects that only direct the merge. */
function cleaned(value: unknown): unknown {
  if (Array.isArray(value)) return value.filter((element) => !isDirected(element)).map(cleaned)
  const object = objectOf(value)
  if (object === undefined) return value
  const kept = Object.entries(object).filter(([, field]) => field !== null && !isDirected(field))
  return Object.fromEntries(kept.map(([key, field]) => [key, cleaned(field)]))
}

function isDirected(value: unknown): boolean {
  return objectOf(value)?.[directive] !== undefined
}

function withoutKey(object: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key))
}

function badDirective(value: unknown): PatchError {
  return new PatchError('does-not-apply', `${directive} must be replace or delete, not ${JSON.stringify(value)}`)
}
