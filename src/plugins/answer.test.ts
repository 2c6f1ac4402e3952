import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readDecision, readProgress } from './answer.ts'
import { PluginError } from './error.ts'
import type { PluginObject } from './plugin.ts'
import { readReadiness, readRestoreDecision } from './restore-answer.ts'

const item: PluginObject = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'prices', namespace: 'shop' } }

const anotherItem = fc.record({
  apiVersion: fc.constantFrom('v1', 'v2'),
  kind: fc.constantFrom('ConfigMap', 'Secret'),
  metadata: fc.record({ name: fc.constantFrom('prices', 'stock'), namespace: fc.constantFrom('shop', 'other') }),
})

/** Anything a module can answer, with a liking for what nearly has a meaning. */
const answer = fc.oneof(
  fc.jsonValue(),
  fc.record(
    {
      item: fc.oneof(fc.constant(item), fc.jsonValue(), anotherItem),
      skip: fc.oneof(fc.boolean(), fc.jsonValue()),
      additionalItems: fc.oneof(fc.array(fc.record({ resource: fc.string(), name: fc.string() })), fc.jsonValue()),
      operation: fc.oneof(fc.record({ id: fc.string() }), fc.jsonValue()),
      completed: fc.boolean(),
    },
    { requiredKeys: [] },
  ),
)

test('whatever a module answers, it is either understood or refused as its fault', () => {
  const readers = [readProgress, readReadiness, ...[readDecision, readRestoreDecision].map(about)]
  fc.assert(
    fc.property(answer, fc.constantFrom(...readers), (value, read) => {
      try {
        read(value)
      } catch (error) {
        assert.ok(error instanceof PluginError, String(error))
        assert.equal(error.problem, 'bad-answer')
      }
    }),
  )
})

test('an item that is understood is the item that was asked about', () => {
  fc.assert(
    fc.property(answer, (value) => {
      let changed: PluginObject | undefined
      try {
        changed = readDecision(value, item).item
      } catch {
        return
      }
      if (changed === undefined) return
      const { apiVersion, kind, metadata } = changed
      assert.deepEqual([apiVersion, kind, metadata.namespace, metadata.name], ['v1', 'ConfigMap', 'shop', 'prices'])
    }),
  )
})

function about(read: (value: unknown, item: PluginObject) => unknown): (value: unknown) => unknown {
  return (value) => read(value, item)
}
