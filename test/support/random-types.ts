// Custom types with random structural schemas, and random objects that fit them, as JSON text so that nothing on our side changes them.
import fc from 'fast-check'
import type { ResourceType } from '#kube/object.ts'

/** A structural schema, as it goes into a CustomResourceDefinition. */
export type Schema = Record<string, unknown>

/** A custom type, its definition and the objects that fit it. */
export interface RandomType {
  readonly type: ResourceType
  /** Every version that is served; the schema is the same in each. */
  readonly versions: readonly string[]
  /** JSON text. */
  readonly definition: string
  /** `"spec":…` and whatever else an object has besides its metadata, as JSON text. */
  readonly fields: fc.Arbitrary<string>
}

const nasty = [
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'length',
  '',
  ' ',
  'a.b/c',
  '"',
  '\\',
  '10',
  '9',
  '日本語',
  '😀',
  '\u2028',
]
const key = fc.oneof(fc.constantFrom(...nasty), fc.string({ unit: 'grapheme', maxLength: 12 }))
const property = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'toString', 'ключ', 'x-y'),
  fc.stringMatching(/^[a-z][A-Za-z0-9]{0,8}$/),
)
const text = fc.oneof(
  { weight: 40, arbitrary: fc.string({ unit: 'grapheme', maxLength: 30 }) },
  {
    weight: 5,
    arbitrary: fc.constantFrom(
      '',
      ' ',
      'true',
      '1e3',
      '<b>&</b>',
      '\u0000\u001f\u2028',
      'null',
      '0x1F',
      '2026-01-01T00:00:00Z',
    ),
  },
  { weight: 1, arbitrary: fc.integer({ min: 1_000, max: 60_000 }).map((length) => 'ö'.repeat(length)) },
)
const whole = fc.oneof(
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  fc.constantFrom(2n ** 53n, 2n ** 53n + 1n, 2n ** 63n - 1n, -(2n ** 63n), 0n),
  fc.bigInt({ min: -9n, max: 9n }),
)
const fraction = fc.double({ noNaN: true, noDefaultInfinity: true })

const quoted = (value: string): string => JSON.stringify(value)
const listText = (items: readonly string[]): string => `[${items.join(',')}]`
const mapText = (entries: readonly (readonly [string, string])[]): string =>
  `{${[...new Map(entries)].map(([name, value]) => `${quoted(name)}:${value}`).join(',')}}`

/** Any JSON at all, for places without a schema. */
const anything = fc.letrec<{ any: string }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    text.map(quoted),
    whole.map(String),
    fraction.map((value) => JSON.stringify(value)),
    fc.constantFrom('null', 'true', 'false', '{}', '[]'),
    fc.array(tie('any'), { maxLength: 4 }).map(listText),
    fc.array(fc.tuple(key, tie('any')), { maxLength: 4 }).map(mapText),
  ),
})).any

/** A schema, and what fits it. */
interface Shape {
  readonly schema: Schema
  readonly value: fc.Arbitrary<string>
}

const openObject = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
const leaf: fc.Arbitrary<Shape> = fc.constantFrom<Shape>(
  { schema: { type: 'string' }, value: text.map(quoted) },
  { schema: { type: 'string', enum: ['', 'a', 'ö'] }, value: fc.constantFrom('', 'a', 'ö').map(quoted) },
  { schema: { type: 'integer', format: 'int64' }, value: whole.map(String) },
  { schema: { type: 'number' }, value: fraction.map((value) => JSON.stringify(value)) },
  { schema: { type: 'boolean' }, value: fc.constantFrom('true', 'false') },
  {
    schema: { 'x-kubernetes-int-or-string': true },
    value: fc.oneof(text.map(quoted), fc.integer().map(String)),
  },
  { schema: { type: 'string', default: 'filled in' }, value: text.map(quoted) },
  { schema: openObject, value: fc.array(fc.tuple(key, anything), { maxLength: 5 }).map(mapText) },
  { schema: { 'x-kubernetes-preserve-unknown-fields': true }, value: anything.filter((value) => value !== 'null') },
)

const shape = fc.letrec<{ any: Shape }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 4, depthSize: 'small', withCrossShrink: true },
    leaf,
    tie('any').map(nullable),
    tie('any').map(listOf),
    tie('any').map(mapOf),
    objectShape(tie('any')),
  ),
})).any

function nullable({ schema, value }: Shape): Shape {
  // The server puts a default in place of null, and an enumeration would have to name it.
  if ('default' in schema || 'enum' in schema) return { schema, value }
  return { schema: { ...schema, nullable: true }, value: fc.oneof(value, fc.constant('null')) }
}

function listOf({ schema, value }: Shape): Shape {
  return { schema: { type: 'array', items: schema }, value: fc.array(value, { maxLength: 4 }).map(listText) }
}

function mapOf({ schema, value }: Shape): Shape {
  const entries = fc.array(fc.tuple(key, value), { maxLength: 4 })
  return { schema: { type: 'object', additionalProperties: schema }, value: entries.map(mapText) }
}

function objectShape(inner: fc.Arbitrary<Shape>, least = 0): fc.Arbitrary<Shape> {
  return fc
    .uniqueArray(fc.tuple(property, inner), { minLength: least, maxLength: 5, selector: ([name]) => name })
    .map((fields) => {
      const entries = fields.map(([name, { value }]) => value.map((one) => [name, one] as const))
      const some = fc.tuple(...entries).chain((all) => fc.subarray(all))
      // Not an object literal: `__proto__` is to be a property like any other.
      const properties = Object.fromEntries(fields.map(([name, { schema }]) => [name, schema]))
      return { schema: { type: 'object', properties }, value: some.map(mapText) }
    })
}

const versionSets = fc.constantFrom(['v1'], ['v1', 'v1beta1'], ['v2', 'v1', 'v1alpha1'], ['v1beta1'])

/** Random custom types; `number` goes into their names. */
export function randomType(number: number): fc.Arbitrary<RandomType> {
  const given = fc.record({
    spec: objectShape(shape, 3),
    more: shape,
    versions: versionSets,
    namespaced: fc.boolean(),
    stored: fc.nat(2),
  })
  return given.map(({ spec, more, versions, namespaced, stored }) => {
    const names = { plural: `randoms${number}`, singular: `random${number}`, kind: `Random${number}` }
    const [first = 'v1'] = versions
    const type = { group: 'random.lifeboat.test', version: first, plural: names.plural, kind: names.kind, namespaced }
    const openAPIV3Schema = { type: 'object', properties: { spec: spec.schema, more: more.schema } }
    const definition = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${type.plural}.${type.group}` },
      spec: {
        group: type.group,
        scope: namespaced ? 'Namespaced' : 'Cluster',
        names: { ...names, listKind: `${names.kind}List` },
        versions: versions.map((name, at) => ({
          name,
          served: true,
          storage: at === stored % versions.length,
          schema: { openAPIV3Schema },
        })),
      },
    }
    const fields = fc.tuple(spec.value, more.value).map(([one, two]) => `"spec":${one},"more":${two}`)
    return { type, versions, definition: JSON.stringify(definition), fields }
  })
}

/** `"data":…` of a ConfigMap, with `binaryData` now and then. */
export const configMapFields: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(
      fc.tuple(
        fc.oneof(fc.constantFrom('__proto__', 'constructor', '10', '9'), fc.stringMatching(/^[-._a-zA-Z0-9]{1,20}$/)),
        text,
      ),
      { maxLength: 5 },
    ),
    fc.option(fc.uint8Array({ maxLength: 60 })),
  )
  .map(([entries, binary]) => {
    const data = mapText(
      entries.filter(([name]) => name !== '.' && !name.startsWith('..')).map(([name, value]) => [name, quoted(value)]),
    )
    return `"data":${data}${binary === null ? '' : `,"binaryData":{"binary-part":${quoted(Buffer.from(binary).toString('base64'))}}`}`
  })

/** `"type":"Opaque","data":…` of a Secret. */
export const secretFields: fc.Arbitrary<string> = fc
  .dictionary(fc.stringMatching(/^[a-z0-9]{1,12}$/), fc.uint8Array({ maxLength: 200 }), { maxKeys: 4 })
  .map((data) => {
    const entries = Object.entries(data).map(
      ([name, bytes]) => [name, quoted(Buffer.from(bytes).toString('base64'))] as const,
    )
    return `"type":"Opaque","data":${mapText(entries)}`
  })

/** `"labels":…,"annotations":…` of any object's metadata. */
export const metadataFields: fc.Arbitrary<string> = fc
  .tuple(
    fc.array(
      fc.tuple(
        fc.oneof(fc.constantFrom('constructor', 'toString', 'app.test/part'), fc.stringMatching(/^[a-z]{1,10}$/)),
        fc.stringMatching(/^[a-zA-Z0-9]{0,20}$/),
      ),
      { maxLength: 3 },
    ),
    fc.array(fc.tuple(fc.constantFrom('constructor', 'note', 'test.dev/long'), text), { maxLength: 2 }),
  )
  .map(([labels, annotations]) => {
    const textsOf = (entries: [string, string][]) => mapText(entries.map(([name, value]) => [name, quoted(value)]))
    return `"labels":${textsOf(labels)},"annotations":${textsOf(annotations)}`
  })
