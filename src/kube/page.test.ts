import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RawPage } from './client.ts'
import { parseJson } from './json.ts'
import type { KubeObject, ResourceType } from './object.ts'
import { pageIn, rawPageIn, rawPageOf } from './page.ts'

const type: ResourceType = { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true }

/** Keys and texts that look like what is searched for. */
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom(
    'metadata',
    'managedFields',
    'items',
    'kind',
    '"',
    '\\',
    '\\"',
    '},{"metadata":{',
    ']}',
    '{',
    '[',
    '',
  ),
)
/** JSON.parse of Node 24.21 takes one key for another when an earlier one was a lone backslash. */
const key = text.filter((text) => !text.includes('\\'))
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.integer(),
    fc.double(),
    fc.boolean(),
    fc.constant(null),
    tie('list'),
    tie('map'),
  ),
  list: fc.array(tie('any'), { maxLength: 4 }),
  map: fc.dictionary(key, tie('any'), { maxKeys: 4 }),
})).map
const metadata = fc
  .tuple(value, fc.option(fc.array(value), { nil: undefined }), value, fc.string())
  .map(([before, managedFields, after, name]) => ({
    ...before,
    name,
    ...(managedFields === undefined ? {} : { managedFields }),
    ...after,
  }))
const object = fc.tuple(value, fc.boolean(), value, metadata).map(([before, typed, after, metadata]) => {
  const {
    apiVersion: _a,
    kind: _k,
    ...rest
  } = { ...before, metadata, ...after, spec: before } as Record<string, unknown>
  return { ...(typed ? { apiVersion: 'apps/v1', kind: 'Deployment' } : {}), ...rest, metadata }
})
const list = fc
  .record({
    items: fc.array(object, { maxLength: 5 }),
    itemsFirst: fc.boolean(),
    spaces: fc.constantFrom(0, 1, 2, '\t'),
  })
  .map(({ items, itemsFirst, spaces }) => {
    const meta = { metadata: { resourceVersion: '7', continue: 'token "items":[', remainingItemCount: 3 } }
    return JSON.stringify(itemsFirst ? { items, ...meta } : { kind: 'DeploymentList', ...meta, items }, null, spaces)
  })

function bytesOf(page: RawPage, index: number): Buffer {
  const { size, copyTo } = bound(page.items.at(index))
  const target = Buffer.alloc(size + 2, '!')
  copyTo(target, 1)
  assert.equal(target[0], '!'.charCodeAt(0))
  assert.equal(target[size + 1], '!'.charCodeAt(0))
  return target.subarray(1, size + 1)
}

function bound(raw: ReturnType<RawPage['items']['at']>) {
  return { size: raw.size, copyTo: (target: Uint8Array, at: number) => raw.copyTo(target, at) }
}

test('whatever a list holds, its objects are the same as when the whole answer is parsed', () => {
  fc.assert(
    fc.property(list, (answer) => {
      const bytes = Buffer.from(answer)
      const whole = pageIn<KubeObject>(parseJson(answer), type)
      const page = rawPageIn(bytes, type)
      assert.ok(page)
      assert.deepEqual(
        { ...page, items: page.items.length },
        { ...whole, items: whole.items.length, size: bytes.length },
      )
      for (const [index, object] of whole.items.entries()) {
        const raw = page.items.at(index)
        const { managedFields: _, ...rest } = object.metadata
        assert.deepEqual(raw.metadata, rest)
        assert.deepEqual(raw.object, object)
        assert.deepEqual(parseJson(bytesOf(page, index).toString()), object)
      }
      assert.deepEqual(
        Array.from(page.items, ({ object }) => object),
        Array.from(rawPageOf(parseJson(answer), type, bytes.length).items, ({ object }) => object),
      )
    }),
    { numRuns: 500 },
  )
})

test('an object keeps its very bytes: numbers that no double holds, escapes, the order of its fields', () => {
  const item =
    '{"metadata":{"name":"a","managedFields":[{"manager":"x"}]},"spec":{"9":1,"1":1.50,"big":9007199254740993,"t":"\\u003c"}}'
  const page = rawPageIn(Buffer.from(`{"metadata":{},"items":[${item}]}`), type)
  assert.ok(page)
  assert.equal(bytesOf(page, 0).toString(), `{"apiVersion":"apps/v1","kind":"Deployment",${item.slice(1)}`)
})

test('what is no list of objects with metadata has to be parsed as a whole', () => {
  for (const answer of [
    '',
    'null',
    '[]',
    '{"items":null}',
    '{"kind":"Status"}',
    '{"items":[{"metadata":{"name":"a"}}',
    '{"items":[{"metadata":{"name":"a"}}]',
    '{"items":[{"metadata":{"name":"a}}]}',
    '{"items":[{"metadata":{"name":"a"}},]',
    '{"items":[{"spec":{}}]}',
    '{"items":[{"metadata":null}]}',
    '{"items":[{"metadata":{},"metadata":{}}]}',
    '{"items":[{"metadata":{"managedFields":[],"managedFields":[]}}]}',
    '{"items":[{"kind":"A","metadata":{}}]}',
    '{"items":[],"items":[{"metadata":{}}]}',
    '{"items":[1]}',
    '<html>',
  ]) {
    assert.equal(rawPageIn(Buffer.from(answer), type), undefined, answer)
  }
})

test('of nothing but bytes, however they are cut off, no object is made', () => {
  fc.assert(
    fc.property(list, fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (answer, share) => {
      const bytes = Buffer.from(answer)
      assert.equal(rawPageIn(bytes.subarray(0, Math.floor(bytes.length * share)), type), undefined)
    }),
  )
})
