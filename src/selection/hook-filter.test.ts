import assert from 'node:assert/strict'
import { test } from 'node:test'
import { appliesTo, type HookFilter } from './hook-filter.ts'

const applies = (entry: HookFilter, labels: Record<string, string> = {}): boolean =>
  appliesTo(entry)({ namespace: 'shop', labels })

test('an entry without lists is for every pod', () => {
  assert.equal(applies({}), true)
  assert.equal(applies({ includedNamespaces: [], excludedNamespaces: null, includedResources: null }), true)
})

test('lists of namespaces take names and patterns, and what is excluded stays out', () => {
  assert.equal(applies({ includedNamespaces: ['sh*'] }), true)
  assert.equal(applies({ includedNamespaces: ['bank'] }), false)
  assert.equal(applies({ includedNamespaces: ['*'], excludedNamespaces: ['shop'] }), false)
})

test('an entry is for pods only if its lists of types take pods, under any of their names', () => {
  for (const name of ['pods', 'po', 'Pod', '*']) assert.equal(applies({ includedResources: [name] }), true, name)
  assert.equal(applies({ includedResources: ['persistentvolumeclaims'] }), false)
  assert.equal(applies({ excludedResources: ['po'] }), false)
})

test('a label selector decides on the labels of the pod', () => {
  const labelSelector = { matchLabels: { app: 'db' } }
  assert.equal(applies({ labelSelector }, { app: 'db' }), true)
  assert.equal(applies({ labelSelector }, { app: 'web' }), false)
  assert.equal(applies({ labelSelector }), false)
})
