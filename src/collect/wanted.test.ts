import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Item, KubeObject, ServedType } from '#kube/object.ts'
import { compileBackupScope } from '#selection/backup-scope.ts'
import { referenceKey, type Reference, type Relations } from './relations.ts'
import { openWanted, type WantedPlace } from './wanted.ts'

const verbs = ['create', 'delete', 'get', 'list', 'watch']
const core = { group: '', version: 'v1', verbs, singular: '', shortNames: [], preferred: true }
const pods: ServedType = { ...core, plural: 'pods', kind: 'Pod', namespaced: true }
const secrets: ServedType = { ...core, plural: 'secrets', kind: 'Secret', namespaced: true }
const types = [pods, secrets]
const shop: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }

function item(type: ServedType, name: string, refersTo: readonly string[] = []): Item {
  const metadata = { name, namespace: 'shop', annotations: { refersTo: refersTo.join(' ') } }
  return { type, namespace: 'shop', name, object: { apiVersion: 'v1', kind: type.kind, metadata } }
}

const secretNamed = (name: string): Reference => ({ resource: 'secrets', namespace: 'shop', name })

/** Objects refer to the Secrets that their annotation names. */
const relations: Relations = {
  targets: new Set(['secrets', 'gadgets.example.com']),
  relatedTo: ({ object }) =>
    (object.metadata.annotations?.['refersTo'] ?? '')
      .split(' ')
      .filter((name) => name !== '')
      .map((name) =>
        name === 'gadget' ? { ...secretNamed(name), resource: 'gadgets.example.com' } : secretNamed(name),
      ),
  crdOf: () => undefined,
}

function open(filters: Parameters<typeof compileBackupScope>[0], missing: Reference[] = []) {
  const scope = compileBackupScope(filters, { types, namespaces: [shop] })
  return openWanted(scope, { relations, types, onMissing: (reference) => missing.push(reference) })
}

const selecting = { labelSelector: { matchLabels: { app: 'web' } } }
const keysOf = (places: readonly WantedPlace[]): string[] =>
  places.flatMap(({ type, namespace, names }) =>
    [...names].map((name) => referenceKey({ resource: type.plural, namespace, name })),
  )

test('what is pointed at is asked for exactly once unless it was taken, in whatever order objects come', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const step = fc.oneof(
    fc.record({ pod: fc.array(name, { maxLength: 3 }) }),
    fc.record({ secret: name }),
    fc.constant('ask' as const),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
      const wanted = open(selecting)
      const asked: string[] = []
      const settled = new Set<string>()
      const expected: string[] = []
      for (const one of [...steps, 'ask' as const]) {
        if (one === 'ask') asked.push(...keysOf(wanted.places()))
        else if ('secret' in one) {
          wanted.taken(item(secrets, one.secret))
          settled.add(one.secret)
        } else {
          wanted.taken(item(pods, 'web', one.pod))
          for (const target of one.pod) if (!settled.has(target)) expected.push(`secrets/shop/${target}`)
          for (const target of one.pod) settled.add(target)
        }
      }
      assert.deepEqual(asked.toSorted(), [...new Set(expected)].toSorted())
      assert.deepEqual(wanted.places(), [])
    }),
  )
})

test('without a selector nothing is asked for that the lists give anyway', () => {
  const wanted = open({})
  wanted.taken(item(pods, 'web', ['a', 'b']))
  assert.deepEqual(wanted.places(), [])
})

test('what is excluded is not even read, and what the cluster does not serve is missing', () => {
  const missing: Reference[] = []
  const wanted = open({ excludedResources: ['secrets'], ...selecting }, missing)
  wanted.taken(item(pods, 'web', ['a', 'gadget']))
  assert.deepEqual(wanted.places(), [])
  assert.deepEqual(missing.map(referenceKey), ['gadgets.example.com/shop/gadget'])
})
