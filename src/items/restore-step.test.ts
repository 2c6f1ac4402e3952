import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KubeObject } from '#kube/object.ts'
import { refKey } from './item-ref.ts'
import { readModifierRules } from './modifier-rules.ts'
import type { Prepared, RestoreContext } from './restore-step.ts'
import { prepareForRestore, prepareNamespace } from './restore-step.ts'

const context: RestoreContext = {
  backupName: 'b',
  restoreName: 'r',
  namespaceMapping: { shop: 'copy' },
  volumes: new Map([
    ['kept', 'as-is'],
    ['new', 'provision-anew'],
    ['snapped', 'from-native-snapshot'],
  ]),
  liveServiceAccounts: new Set(),
  restoresStatus: (resource) => resource === 'trees.orchard.test',
}

const labels = { 'velero.io/backup-name': 'b', 'velero.io/restore-name': 'r' }

function object(fields: object, metadata: object = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Any', metadata: { name: 'x', namespace: 'shop', ...metadata }, ...fields }
}

const prepare = (resource: string, archived: KubeObject, more: Partial<RestoreContext> = {}): Prepared =>
  prepareForRestore({ resource, object: archived }, { ...context, ...more })

function created(resource: string, archived: KubeObject, more: Partial<RestoreContext> = {}): KubeObject {
  const prepared = prepare(resource, archived, more)
  assert.ok(prepared.do === 'create', JSON.stringify(prepared))
  return prepared.object
}

test('an object comes into its target namespace, without its past, under the labels of backup and restore', () => {
  const archived = object(
    { data: { a: '1' }, status: {} },
    { uid: 'u', resourceVersion: '1', labels: { app: 'web' }, finalizers: ['f'] },
  )
  assert.deepEqual(prepare('configmaps', archived), {
    do: 'create',
    object: {
      apiVersion: 'v1',
      kind: 'Any',
      metadata: { name: 'x', namespace: 'copy', finalizers: ['f'], labels: { app: 'web', ...labels } },
      data: { a: '1' },
    },
    related: [],
    problems: [],
    stopped: [],
  })
})

test('resource modifiers see the object as it is about to be created, but where it was and without our labels', () => {
  const rules = readModifierRules(`
version: v1
resourceModifierRules:
- conditions: {groupResource: services, namespaces: [shop], matches: [{path: /spec/clusterIP, value: "null"}, {path: /metadata/uid, value: "null"}]}
  patches:
  - {operation: replace, path: /metadata/name, value: other}
  - {operation: replace, path: /metadata/namespace, value: elsewhere}
  - {operation: add, path: /metadata/labels, value: "{}"}
- conditions: {groupResource: services, namespaces: [copy]}
  patches: [{operation: add, path: /spec/never, value: x}]
`)
  assert.ok('rules' in rules)
  const archived = object({ spec: { clusterIP: '10.0.0.1' } }, { uid: 'u' })
  const made = created('services', archived, { modifiers: rules.rules })
  assert.deepEqual(made.metadata, { name: 'other', namespace: 'copy', labels })
  assert.deepEqual(made['spec'], {})
})

test('a name too long for a label is shortened', () => {
  const made = created('configmaps', object({}), { restoreName: 'r'.repeat(80) })
  assert.match(made.metadata.labels?.['velero.io/restore-name'] ?? '', /^r{57}[0-9a-f]{6}$/)
})

test('finished pods and jobs and mirrors of static pods do not come back', () => {
  for (const phase of ['Succeeded', 'Failed']) {
    assert.deepEqual(prepare('pods', object({ status: { phase } })), { do: 'skip', reason: 'finished' })
  }
  assert.deepEqual(prepare('jobs.batch', object({ status: { completionTime: 't' } })), {
    do: 'skip',
    reason: 'finished',
  })
  const mirror = object({ status: { phase: 'Running' } }, { annotations: { 'kubernetes.io/config.mirror': 'h' } })
  assert.deepEqual(prepare('pods', mirror), { do: 'skip', reason: 'mirror-pod' })
  assert.equal(prepare('pods', object({ status: { phase: 'Running' } })).do, 'create')
})

function volume(name: string): KubeObject {
  const claimRef = { kind: 'PersistentVolumeClaim', namespace: 'shop', name: 'data', uid: 'u', resourceVersion: '1' }
  const annotations = { 'pv.kubernetes.io/bound-by-controller': 'yes', 'pv.kubernetes.io/provisioned-by': 'p' }
  const metadata = { name, annotations }
  return { apiVersion: 'v1', kind: 'PersistentVolume', metadata, spec: { claimRef, capacity: {} } }
}

test('a volume comes back as it was, reserved for its claim in the target namespace', () => {
  const made = created('persistentvolumes', volume('kept'))
  const claimRef = { kind: 'PersistentVolumeClaim', namespace: 'copy', name: 'data' }
  assert.deepEqual(made['spec'], { claimRef, capacity: {} })
  assert.deepEqual(made.metadata, { name: 'kept', annotations: { 'pv.kubernetes.io/provisioned-by': 'p' }, labels })
})

test('a volume that is provisioned anew or comes from a snapshot is not made as it was', () => {
  assert.deepEqual(prepare('persistentvolumes', volume('new')), { do: 'skip', reason: 'provisioned-anew' })
  assert.deepEqual(prepare('persistentvolumes', volume('snapped')), { do: 'skip', reason: 'needs-native-snapshot' })
})

test('a volume that a disk was made for comes back, reserved as any other', () => {
  const item = { resource: 'persistentvolumes', object: volume('snapped'), refilled: true }
  const prepared = prepareForRestore(item, context)
  assert.ok(prepared.do === 'create')
  const claimRef = { kind: 'PersistentVolumeClaim', namespace: 'copy', name: 'data' }
  assert.deepEqual(prepared.object['spec'], { claimRef, capacity: {} })
})

test('a claim follows its volume to the new name', () => {
  const renamedVolumes = new Map([['kept', 'velero-clone-1']])
  const item = { resource: 'persistentvolumeclaims', object: claim('kept') }
  const prepared = prepareForRestore(item, { ...context, renamedVolumes })
  assert.ok(prepared.do === 'create')
  assert.deepEqual(prepared.object['spec'], { volumeName: 'velero-clone-1', accessModes: [] })
})

function claim(volumeName: string, phase = 'Bound'): KubeObject {
  const annotations = {
    'pv.kubernetes.io/bind-completed': 'yes',
    'volume.kubernetes.io/selected-node': 'n',
    'volume.kubernetes.io/storage-provisioner': 'p',
    own: '1',
  }
  return object({ spec: { volumeName, accessModes: [] }, status: { phase } }, { annotations })
}

test('a claim is bound anew to its volume, which it brings along', () => {
  const prepared = prepare('persistentvolumeclaims', claim('kept'))
  assert.ok(prepared.do === 'create')
  assert.deepEqual(prepared.object['spec'], { volumeName: 'kept', accessModes: [] })
  assert.deepEqual(prepared.object.metadata.annotations, { own: '1' })
  assert.deepEqual(prepared.related.map(refKey), ['persistentvolumes/kept'])
})

test('a claim whose volume is provisioned anew names none', () => {
  assert.deepEqual(created('persistentvolumeclaims', claim('new'))['spec'], { accessModes: [] })
})

test('a claim keeps the name of a volume that the restore leaves out', () => {
  assert.deepEqual(created('persistentvolumeclaims', claim('elsewhere'))['spec'], {
    volumeName: 'elsewhere',
    accessModes: [],
  })
})

test('status comes back where the restore or the object itself says so', () => {
  const statusOf = (resource: string, own?: string): unknown => {
    const annotations = own === undefined ? {} : { 'velero.io/restore-status': own }
    const prepared = prepare(resource, object({ status: { height: 3 } }, { annotations }))
    assert.ok(prepared.do === 'create')
    return prepared.status
  }
  assert.deepEqual(statusOf('trees.orchard.test'), { height: 3 })
  assert.equal(statusOf('trees.orchard.test', 'false'), undefined)
  assert.equal(statusOf('pods'), undefined)
  assert.deepEqual(statusOf('pods', 'true'), { height: 3 })
})

test('what an action leaves out is left out', () => {
  const automanaged = object({}, { labels: { 'kube-aggregator.kubernetes.io/automanaged': 'true' } })
  const prepared = prepare('apiservices.apiregistration.k8s.io', automanaged)
  assert.deepEqual(prepared, { do: 'skip', reason: 'automanaged-api-service' })
})

test('a namespace is made like its source, under its new name and without labels of the restore', () => {
  const archived: KubeObject = {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: {
      name: 'shop',
      uid: 'u',
      labels: { 'kubernetes.io/metadata.name': 'shop', team: 't' },
      annotations: { a: 'b' },
    },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  }
  assert.deepEqual(prepareNamespace('copy', archived), {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'copy', labels: { 'kubernetes.io/metadata.name': 'copy', team: 't' }, annotations: { a: 'b' } },
    spec: { finalizers: ['kubernetes'] },
  })
  assert.deepEqual(prepareNamespace('copy', undefined), {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'copy' },
  })
})

const resources = [
  'configmaps',
  'pods',
  'services',
  'persistentvolumes',
  'persistentvolumeclaims',
  'jobs.batch',
  'secrets',
  'serviceaccounts',
]

test('no archived object, however odd, makes the step fail or is changed by it', () => {
  const part = fc.jsonValue({ maxDepth: 3 })
  fc.assert(
    fc.property(fc.constantFrom(...resources), part, part, (resource, spec, status) => {
      const archived = object({ spec, status })
      const before = JSON.stringify(archived)
      const prepared = prepare(resource, archived)
      assert.equal(JSON.stringify(archived), before)
      if (prepared.do === 'create') assert.equal(prepared.object.metadata.namespace, 'copy')
    }),
  )
})
