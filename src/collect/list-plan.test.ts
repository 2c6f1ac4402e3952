import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KubeObject, ServedType } from '#kube/object.ts'
import { compileBackupScope, type BackupScope } from '#selection/backup-scope.ts'
import { planLists } from './list-plan.ts'

const verbs = ['create', 'delete', 'get', 'list', 'watch']
const core = { group: '', version: 'v1', verbs, singular: '', shortNames: [], preferred: true }
const configMaps: ServedType = { ...core, plural: 'configmaps', kind: 'ConfigMap', namespaced: true }
const volumes: ServedType = { ...core, plural: 'persistentvolumes', kind: 'PersistentVolume', namespaced: false }
const namespaces: ServedType = { ...core, plural: 'namespaces', kind: 'Namespace', namespaced: false }
const nameOf = (i: number): string => `ns-${i}`

function scopeOf(count: number, filters: Parameters<typeof compileBackupScope>[0]): BackupScope {
  const objects = Array.from({ length: count }, (_, i): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: nameOf(i) },
  }))
  return compileBackupScope(filters, { types: [configMaps, volumes, namespaces], namespaces: objects })
}

test('the lists of a plan reach every object of the scope exactly once, however many namespaces are wanted', () => {
  const counts = fc
    .integer({ min: 1, max: 80 })
    .chain((count) => fc.tuple(fc.constant(count), fc.uniqueArray(fc.nat({ max: count - 1 }), { minLength: 1 })))
  fc.assert(
    fc.property(counts, ([count, wanted]) => {
      const scope = scopeOf(count, { includedNamespaces: wanted.map(nameOf), includeClusterResources: true })
      const plans = planLists(scope, count)
      assert.ok(plans.every(({ type }) => type.plural !== 'namespaces'))
      for (const { type, requests } of plans) {
        const places = requests.map(({ namespace }) => namespace)
        if (!type.namespaced || places.includes(undefined)) assert.deepEqual(places, [undefined])
        else assert.deepEqual(places.toSorted(), wanted.map(nameOf).toSorted())
        // Never more lists than a few, so that a backup of a big cluster does not ask once for each namespace and type.
        assert.ok(places.length <= 16)
      }
    }),
  )
})

test('one namespace of many is listed alone; most of them, or all, with one list', () => {
  const places = (count: number, included: string[]): unknown[] =>
    planLists(scopeOf(count, { includedNamespaces: included }), count).flatMap(({ type, requests }) =>
      type === configMaps ? requests.map(({ namespace }) => namespace) : [],
    )
  assert.deepEqual(places(9, ['ns-4']), ['ns-4'])
  assert.deepEqual(places(3, ['ns-0', 'ns-1']), [undefined])
  assert.deepEqual(places(9, ['*']), [undefined])
})

test('each selector has its own list, and the scope without namespaces lists nothing in them', () => {
  const orLabelSelectors = [{ matchLabels: { app: 'web' } }, { matchLabels: { app: 'db' } }]
  const [plan] = planLists(scopeOf(9, { includedNamespaces: ['ns-1'], orLabelSelectors }), 9)
  assert.deepEqual(
    plan?.requests.map(({ namespace, labelSelector }) => [namespace, labelSelector]),
    [
      ['ns-1', 'app=web'],
      ['ns-1', 'app=db'],
    ],
  )
  const none = planLists(scopeOf(9, { includedNamespaces: ['gone'] }), 9)
  assert.deepEqual(
    none.flatMap(({ requests }) => requests),
    [],
  )
})
