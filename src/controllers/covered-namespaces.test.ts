import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Backup } from '#api/backup.ts'
import type { KubeObject } from '#kube/object.ts'
import { lastWholeBackups } from './covered-namespaces.ts'

const namespaces: KubeObject[] = ['shop', 'shop-test', 'bank', 'scratch'].map((name) => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels: name === 'scratch' ? { 'velero.io/exclude-from-backup': 'true' } : {} },
}))

function whole(completedAt: number, spec: Backup['spec']) {
  return { spec, completedAt }
}

test('each namespace has the newest backup that takes all of it', () => {
  const last = lastWholeBackups(
    [
      whole(100, {}),
      whole(300, { includedNamespaces: ['shop*'] }),
      whole(200, { includedNamespaces: ['shop', 'gone'] }),
      whole(900, { includedNamespaces: ['bank'], includedResources: ['secrets'] }),
      whole(901, { includedNamespaces: ['bank'], labelSelector: { matchLabels: { app: 'till' } } }),
      whole(902, { includedNamespaces: ['bank'], orLabelSelectors: [{ matchLabels: { app: 'till' } }] }),
      whole(903, { includedNamespaces: ['bank'], excludedResources: ['secrets'] }),
    ],
    namespaces,
  )
  assert.deepEqual(Object.fromEntries(last), { shop: 300, 'shop-test': 300, bank: 100 })
})

test('what is left out of every backup anyhow makes none of them less whole', () => {
  const spec = {
    includedResources: ['*'],
    excludedResources: ['volumesnapshots.snapshot.storage.k8s.io', 'events', 'events.events.k8s.io'],
    labelSelector: {},
  }
  assert.deepEqual([...lastWholeBackups([whole(5, spec)], namespaces).keys()].toSorted(), ['bank', 'shop', 'shop-test'])
})

test('the order in which backups are looked at does not matter', () => {
  const patterns = fc.constantFrom<Backup['spec']>(
    {},
    { includedNamespaces: ['shop'] },
    { excludedNamespaces: ['bank'] },
  )
  const some = fc.uniqueArray(fc.record({ at: fc.integer({ min: 1, max: 99 }), spec: patterns }), {
    selector: ({ at }) => at,
  })
  fc.assert(
    fc.property(some, (all) => {
      const told = all.map(({ at, spec }) => whole(at, spec))
      const one = lastWholeBackups(told, namespaces)
      assert.deepEqual(
        new Map([...lastWholeBackups(told.toReversed(), namespaces)].toSorted()),
        new Map([...one].toSorted()),
      )
      const newestOfAll = Math.max(
        0,
        ...all.filter(({ spec }) => spec.includedNamespaces === undefined).map(({ at }) => at),
      )
      assert.ok((one.get('shop-test') ?? 0) === newestOfAll)
    }),
  )
})
