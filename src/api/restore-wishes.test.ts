import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { RestoreSpec } from './restore.ts'
import { restoreWishes, restoreWishKeys, restoreWishProblems } from './restore-wishes.ts'

const restore = (annotations: Record<string, string>, spec: RestoreSpec = {}) => ({
  metadata: { name: 'r', annotations },
  spec,
})
const shop = { includedNamespaces: ['shop'] }
const { exact, existingResourcePolicy, safetyBackup, skipGitOpsManaged } = restoreWishKeys

test('without annotations a restore asks for what Velero would do', () => {
  fc.assert(
    fc.property(fc.constantFrom('', 'none', 'update'), (policy) => {
      const wishes = restoreWishes(restore({}, { existingResourcePolicy: policy }))
      assert.deepEqual(wishes, { policy, exact: false, safetyBackup: false, skipsGitOpsManaged: false })
    }),
  )
  assert.equal(restoreWishes({ metadata: { name: 'r' }, spec: {} }).policy, '')
})

test('an exact restore updates what differs and makes a safety backup, unless it is told otherwise', () => {
  const wishes = (more: Record<string, string> = {}, spec: RestoreSpec = shop) =>
    restoreWishes(restore({ [exact]: 'true', ...more }, spec))
  assert.deepEqual(wishes(), { policy: 'update', exact: true, safetyBackup: true, skipsGitOpsManaged: false })
  assert.equal(wishes({ [safetyBackup]: 'false' }).safetyBackup, false)
  assert.equal(wishes({ [existingResourcePolicy]: 'recreate' }).policy, 'recreate')
  assert.equal(wishes({ [skipGitOpsManaged]: 'true' }).skipsGitOpsManaged, true)
})

test('a word that is not understood is a problem, never passed over', () => {
  assert.deepEqual(restoreWishProblems(restore({ [exact]: 'true', [existingResourcePolicy]: 'recreate' }, shop)), [])
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(restoreWishKeys)), fc.string(), (key, value) => {
      const understood = key === existingResourcePolicy ? ['recreate'] : ['true', 'false']
      assert.equal(restoreWishProblems(restore({ [key]: value }, shop)).length === 0, understood.includes(value))
    }),
  )
})

test('an exact restore names its namespaces', () => {
  const problems = (spec: RestoreSpec): number => restoreWishProblems(restore({ [exact]: 'true' }, spec)).length
  assert.equal(problems({}), 1)
  assert.equal(problems({ includedNamespaces: ['*'] }), 1)
  assert.equal(problems({ includedNamespaces: ['shop', 'a-*'] }), 1)
  assert.equal(problems({ ...shop, existingResourcePolicy: 'none' }), 1)
  assert.equal(problems(shop), 0)
})
