import { isScalar, visit, type Document, type Scalar, type Tags } from 'yaml'
import { z } from 'zod'
import { SelectionError } from '#selection/error.ts'
import { compileGlob, compilePartsGlob, isGlob } from '#selection/globs.ts'
import { selectorProblems, type LabelSelector } from '#selection/label-selector.ts'
import { compileRegex } from '#selection/regex.ts'
import { optional, problemsOf, readYaml, strict, word, words } from '#selection/strict-yaml.ts'
import { exactNumber, objectOf, type JsonObject } from './json.ts'
import { parsePointer, type PatchOperation, type Pointer } from './json-patch.ts'
import { modifierValue } from './modifier-value.ts'

/** One rule of the resource modifiers of a restore (spec/restore §7). */
export interface ModifierRule {
  /** From 1, for messages. */
  readonly number: number
  readonly conditions: ModifierConditions
  readonly patch: ModifierPatch
}

/** What must hold of an object; absent: whatever it is. */
export interface ModifierConditions {
  readonly fitsResource: (resource: string) => boolean
  /** Of the namespace in the backup. */
  readonly fitsNamespace: (namespace: string) => boolean
  readonly fitsName: (name: string) => boolean
  readonly selector: LabelSelector | undefined
  /** Tests that must not fail. */
  readonly matches: readonly PatchOperation[]
}

/** What a rule does; patches of one kind, in order. */
export type ModifierPatch =
  | { readonly kind: 'json'; readonly operations: readonly PatchOperation[] }
  | { readonly kind: 'merge' | 'strategic'; readonly patches: readonly JsonObject[] }
  | { readonly kind: 'none' }

/** The rules of a text, or what is wrong with it, each with its place. */
export type ReadModifiers = { readonly rules: readonly ModifierRule[] } | { readonly problems: readonly string[] }

/** Reads resource modifiers of schema v1. Everything that could fail for no reason of the object's is found here, before anything is restored. */
export function readModifierRules(text: string): ReadModifiers {
  try {
    const parsed = modifiers.safeParse(readYaml(text, { problem: 'bad-yaml', prepare: asText, options: yaml11 }))
    if (!parsed.success) return { problems: problemsOf(parsed.error, 'the rules') }
    return { rules: parsed.data.resourceModifierRules.map((rule, index) => ({ number: index + 1, ...rule })) }
  } catch (error) {
    if (!(error instanceof SelectionError)) throw error
    return { problems: [error.message] }
  }
}

// Velero reads YAML 1.1, in which `yes` and `on` are true; its reader knows no times, and no numbers to the base of 60.
const yaml11 = {
  version: '1.1',
  intAsBigInt: true,
  customTags: (tags: Tags): Tags => tags.filter((tag) => typeof tag === 'string' || !isTime(tag)),
} as const

function isTime(tag: { readonly tag: string; readonly format?: string | undefined }): boolean {
  return tag.format === 'TIME' || tag.tag === 'tag:yaml.org,2002:timestamp'
}

const jsonNumber = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/

/** Velero puts every number and boolean where text belongs as text. */
function asText(document: Document): void {
  eachScalar(document, (node) => {
    if (node.value === null || typeof node.value === 'string') return
    const isFraction = typeof node.value === 'number' && jsonNumber.test(node.source ?? '')
    node.value = isFraction ? node.source : String(node.value)
  })
}

/** Numbers of a patch as they are written. */
function exactly(document: Document): void {
  eachScalar(document, (node) => {
    const { value, source = '' } = node
    if (typeof value === 'bigint') node.value = exactNumber(String(value))
    else if (typeof value === 'number' && jsonNumber.test(source)) node.value = exactNumber(source)
    else if (typeof value === 'number' && !Number.isFinite(value)) {
      throw bad(`${source} is no number that JSON can hold`)
    }
  })
}

function eachScalar(document: Document, change: (node: Scalar) => void): void {
  visit(document, {
    Scalar: (_key, node) => change(node),
    Pair: (_key, { key }) => {
      // Keys are text whatever they look like.
      if (isScalar(key) && typeof key.value !== 'string') key.value = String(key.value)
    },
  })
}

/** A schema whose output `read` makes of the input; a SelectionError of it says what is wrong. */
function reading<In extends z.ZodType, Out>(schema: In, read: (input: z.output<In>) => Out) {
  return schema.transform((input, context): Out => {
    try {
      return read(input)
    } catch (error) {
      if (!(error instanceof SelectionError)) throw error
      context.issues.push({ code: 'custom', message: error.message, input })
      return z.NEVER
    }
  })
}

function bad(message: string): SelectionError {
  return new SelectionError('bad-yaml', message)
}

const pointer = reading(word, (text): Pointer => {
  const path = parsePointer(text)
  if (path === undefined || path.length === 0) throw bad(`"${text}" is no path; write it as /spec/replicas`)
  return path
})

const value = reading(optional(word), (text = ''): unknown => {
  const found = modifierValue(text)
  if (found === undefined)
    throw bad('starts like JSON but is none; put it in double quotes inside the value to mean text')
  return found.value
})

const operationNames = ['add', 'remove', 'replace', 'test', 'move', 'copy'] as const

const jsonPatch = reading(
  strict({
    operation: z.enum(operationNames, { error: `must be one of ${operationNames.join(', ')}` }),
    from: optional(pointer),
    path: pointer,
    value,
  }),
  ({ operation, from, path, value: given }): PatchOperation => {
    switch (operation) {
      case 'remove':
        return { op: operation, path }
      case 'move':
      case 'copy':
        if (from === undefined) throw bad(`a ${operation} needs a from`)
        return { op: operation, from, path }
      case 'add':
      case 'replace':
      case 'test':
        return { op: operation, path, value: given }
    }
  },
)

const mergePatch = strict({
  patchData: reading(word, (text): JsonObject => {
    const patch = objectOf(readYaml(text, { problem: 'bad-yaml', prepare: exactly, options: yaml11 }))
    if (patch === undefined) throw bad('must be a map of fields to values')
    return patch
  }),
}).transform(({ patchData }) => patchData)

const selector = reading(
  strict({
    matchLabels: optional(z.record(word, word, { error: 'must be a map of text to text' })),
    matchExpressions: optional(
      z.array(strict({ key: word, operator: word, values: words }), { error: 'must be a list' }),
    ),
  }),
  (given): LabelSelector => {
    const problems = selectorProblems(given)
    if (problems.length > 0) throw bad(problems.join(', '))
    return given
  },
)

const match = strict({ path: pointer, value }).transform(({ path, value: wanted }): PatchOperation => ({
  op: 'test',
  path,
  value: wanted,
}))

const conditions = strict({
  groupResource: reading(word, (text) => {
    if (text === '') throw bad('must not be empty; write for example deployments.apps')
    return compilePartsGlob(text, '.')
  }),
  namespaces: words,
  resourceNameRegex: optional(reading(word, compileRegex)),
  labelSelector: optional(selector),
  matches: optional(z.array(match, { error: 'must be a list' })),
}).transform(
  ({ groupResource, namespaces = [], resourceNameRegex, labelSelector, matches = [] }): ModifierConditions => ({
    fitsResource: groupResource,
    fitsNamespace: anyOf(namespaces),
    fitsName: resourceNameRegex ?? always,
    selector: labelSelector,
    matches,
  }),
)

const always = (): boolean => true

function anyOf(namespaces: readonly string[]): (namespace: string) => boolean {
  if (namespaces.length === 0) return always
  const fits = namespaces.map((name) => (isGlob(name) ? compileGlob(name) : (other: string) => other === name))
  return (namespace) => fits.some((one) => one(namespace))
}

const rule = reading(
  strict({
    conditions,
    patches: optional(z.array(jsonPatch, { error: 'must be a list' })),
    mergePatches: optional(z.array(mergePatch, { error: 'must be a list' })),
    strategicPatches: optional(z.array(mergePatch, { error: 'must be a list' })),
  }),
  ({ conditions: given, patches = [], mergePatches = [], strategicPatches = [] }) => {
    const kinds = [patches, mergePatches, strategicPatches].filter(({ length }) => length > 0)
    if (kinds.length > 1)
      throw bad('has more than one of patches, mergePatches and strategicPatches; make a rule of each')
    return { conditions: given, patch: patchOf({ patches, mergePatches, strategicPatches }) }
  },
)

function patchOf(given: {
  patches: PatchOperation[]
  mergePatches: JsonObject[]
  strategicPatches: JsonObject[]
}): ModifierPatch {
  if (given.patches.length > 0) return { kind: 'json', operations: given.patches }
  if (given.mergePatches.length > 0) return { kind: 'merge', patches: given.mergePatches }
  return given.strategicPatches.length > 0 ? { kind: 'strategic', patches: given.strategicPatches } : { kind: 'none' }
}

const modifiers = strict({
  version: word.refine((text) => text.toLowerCase() === 'v1', {
    error: ({ input }) => `must be v1, not ${String(input)}`,
  }),
  resourceModifierRules: z.array(rule, { error: 'must be a list' }).min(1, { error: 'must have at least one rule' }),
})
