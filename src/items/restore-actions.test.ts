import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '#kube/object.ts'
import { refKey } from './item-ref.ts'
import { restoreActions } from './restore-actions.ts'
import { initContainers as initContainersOf, initHookAction } from './restore-actions/init-hook.ts'
import type { RestoreContext } from './restore-context.ts'

const context: RestoreContext = {
  backupName: 'b',
  restoreName: 'r',
  namespaceMapping: { shop: 'copy' },
  volumes: new Map(),
  liveServiceAccounts: new Set(['shop/web']),
  restoresStatus: () => false,
}

function object(fields: object, apiVersion = 'v1'): KubeObject {
  return { apiVersion, kind: 'Any', metadata: { name: 'x', namespace: 'shop' }, ...fields }
}

/** Runs all actions that apply, as the restore step does; a skip or failure is its reason. */
function restored(
  resource: string,
  archived: KubeObject,
  more: Partial<RestoreContext> = {},
): { object: KubeObject; related: string[] } | string {
  const before = JSON.stringify(archived)
  let result = archived
  const related: string[] = []
  for (const action of restoreActions.filter(({ appliesTo }) => appliesTo(resource))) {
    const outcome = action.execute(result, { archived, resource, context: { ...context, ...more } })
    if ('skip' in outcome) return outcome.skip
    if ('fail' in outcome) return outcome.fail
    result = outcome.object
    related.push(...(outcome.related ?? []).map(refKey))
  }
  assert.equal(JSON.stringify(archived), before, 'the archived object is not changed')
  return { object: result, related }
}

function specOf(resource: string, archived: KubeObject, more: Partial<RestoreContext> = {}): unknown {
  const result = restored(resource, archived, more)
  return typeof result === 'string' ? result : result.object['spec']
}

test('a job lets go of the pods that belonged to its old uid', () => {
  const uids = { 'controller-uid': 'u', 'batch.kubernetes.io/controller-uid': 'u' }
  const spec = {
    selector: { matchLabels: { ...uids, app: 'x' } },
    template: { metadata: { labels: { ...uids, 'job-name': 'x' } }, spec: { restartPolicy: 'Never' } },
  }
  assert.deepEqual(specOf('jobs.batch', object({ spec })), {
    selector: { matchLabels: { app: 'x' } },
    template: { metadata: { labels: { 'job-name': 'x' } }, spec: { restartPolicy: 'Never' } },
  })
  assert.deepEqual(specOf('jobs.batch', object({ spec: { template: {} } })), { template: {} })
})

test('a pod is free to be scheduled and admitted anew, and brings its claims and its class', () => {
  const token = { name: 'web-token-abcde', mountPath: '/var/run' }
  const data = { name: 'data', mountPath: '/data' }
  const pod = object({
    spec: {
      serviceAccountName: 'web',
      nodeName: 'node-a',
      priority: 1000,
      priorityClassName: 'urgent',
      ephemeralContainers: [{ name: 'debugger' }],
      volumes: [{ name: token.name }, { name: 'data', persistentVolumeClaim: { claimName: 'rows' } }],
      containers: [{ name: 'a', volumeMounts: [token, data] }, { name: 'b' }],
      initContainers: [{ name: 'restore-wait' }, { name: 'own', volumeMounts: [token] }],
    },
  })
  const result = restored('pods', pod)
  assert.ok(typeof result === 'object')
  assert.deepEqual(result.object['spec'], {
    serviceAccountName: 'web',
    priorityClassName: 'urgent',
    volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'rows' } }],
    containers: [{ name: 'a', volumeMounts: [data] }, { name: 'b' }],
    initContainers: [{ name: 'own', volumeMounts: [] }],
  })
  assert.deepEqual(result.related, ['priorityclasses.scheduling.k8s.io/urgent', 'persistentvolumeclaims/shop/rows'])
})

function initContainers(annotations: Record<string, string>): unknown {
  const pod = object({
    metadata: { name: 'x', namespace: 'shop', annotations },
    spec: { initContainers: [{ name: 'own' }] },
  })
  return (specOf('pods', pod) as { initContainers: unknown }).initContainers
}

test('an init container asked for by annotations comes before the pod’s own (golden a02)', () => {
  const hook = 'init.hook.restore.velero.io/'
  const image = { [`${hook}container-image`]: 'busybox' }
  const named = { ...image, [`${hook}container-name`]: 'warm-up', [`${hook}command`]: '["sh","-c","echo"]' }
  const own = { name: 'own' }
  assert.deepEqual(initContainers(named), [{ name: 'warm-up', image: 'busybox', command: ['sh', '-c', 'echo'] }, own])
  assert.deepEqual(initContainers(image), [own])
  const [made] = initContainers({ ...image, [`${hook}command`]: '[ -f /x ]' }) as { name: string; command: string[] }[]
  assert.deepEqual(made?.command, ['[ -f /x ]'])
  assert.match(made?.name ?? '', /^velero-restore-init-[0-9a-f]{8}$/)
})

test('init containers of the restore’s spec go by target namespace and labels, behind the one that waits for data', () => {
  const init = (name: string) => ({
    init: { initContainers: [{ name, image: 'busybox' } as object as Record<string, never>] },
  })
  const hooks = {
    resources: [
      { name: 'here', includedNamespaces: ['copy'], postHooks: [init('a'), { exec: { command: ['x'] } }, init('b')] },
      { name: 'source', includedNamespaces: ['shop'], postHooks: [init('x')] },
      { name: 'labelled', labelSelector: { matchLabels: { app: 'db' } }, postHooks: [init('c')] },
    ],
  }
  const pod = (annotations: Record<string, string>, labels: Record<string, string>) =>
    object({
      metadata: { name: 'x', namespace: 'shop', annotations, labels },
      spec: { initContainers: [{ name: 'restore-wait' }, { name: 'own' }] },
    })
  const names = (one: KubeObject): string[] => {
    const asked = { ...context, namespaceMapping: { shop: 'copy' }, initContainers: initContainersOf({ hooks }) }
    const result = initHookAction.execute(one, { archived: one, resource: 'pods', context: asked })
    assert.ok('object' in result)
    return (result.object['spec'] as { initContainers: { name: string }[] }).initContainers.map(({ name }) => name)
  }
  assert.deepEqual(names(pod({}, {})), ['restore-wait', 'a', 'b', 'own'])
  assert.deepEqual(names(pod({}, { app: 'db' })), ['restore-wait', 'a', 'b', 'c', 'own'])
  const hook = 'init.hook.restore.velero.io/'
  const annotated = { [`${hook}container-image`]: 'i', [`${hook}container-name`]: 'mine', [`${hook}command`]: 'c' }
  assert.deepEqual(names(pod(annotated, {})), ['restore-wait', 'mine', 'own'])
})

test('a service account loses one token secret', () => {
  const account = object({
    metadata: { name: 'web' },
    secrets: [{ name: 'a' }, { name: 'web-token-1' }, { name: 'web-token-2' }],
  })
  const result = restored('serviceaccounts', account)
  assert.ok(typeof result === 'object')
  assert.deepEqual(result.object['secrets'], [{ name: 'a' }, { name: 'web-token-2' }])
})

test('storage classes are changed in claims, volumes and claim templates', () => {
  const storageClasses = { is: { mapping: { slow: 'fast' }, existing: new Set(['fast']) } }
  const claim = { spec: { storageClassName: 'slow' } }
  const fast = { storageClassName: 'fast' }
  assert.deepEqual(specOf('persistentvolumeclaims', object(claim), { storageClasses }), fast)
  assert.deepEqual(specOf('persistentvolumes', object(claim), { storageClasses }), fast)
  const set = object({ spec: { volumeClaimTemplates: [claim, { spec: { storageClassName: 'other' } }] } })
  const templates = [{ spec: fast }, { spec: { storageClassName: 'other' } }]
  assert.deepEqual(specOf('statefulsets.apps', set, { storageClasses }), { volumeClaimTemplates: templates })
  assert.deepEqual(specOf('persistentvolumeclaims', object(claim)), claim.spec)
})

test('what would get a storage class that is not there fails, everything else does not', () => {
  const storageClasses = { is: { mapping: { slow: 'gone', old: 'fast' }, existing: new Set(['fast']) } }
  const claim = (storageClassName?: string): object => ({ spec: { storageClassName } })
  const told = 'there is no StorageClass gone, to which it is to be changed'
  for (const resource of ['persistentvolumeclaims', 'persistentvolumes']) {
    assert.equal(restored(resource, object(claim('slow')), { storageClasses }), told)
    assert.equal(typeof restored(resource, object(claim('other')), { storageClasses }), 'object')
    assert.equal(typeof restored(resource, object(claim()), { storageClasses }), 'object')
  }
  const set = object({ spec: { volumeClaimTemplates: [claim('old'), claim('slow')] } })
  assert.equal(restored('statefulsets.apps', set, { storageClasses }), told)
})

test('an action that is configured twice fails everything that it looks at, and nothing else', () => {
  const problem = 'there are 2 ConfigMaps'
  const both = { storageClasses: { problem }, imageRules: { problem } }
  for (const resource of ['persistentvolumeclaims', 'persistentvolumes', 'statefulsets.apps', 'pods', 'jobs.batch'])
    assert.equal(restored(resource, object({ spec: {} }), both), problem, resource)
  assert.equal(typeof restored('services', object({ spec: {} }), both), 'object')
})

test('images are changed wherever a pod is described, each by the first rule that fits', () => {
  const rules = [
    { from: 'old.test/', to: 'new.test/' },
    { from: 'old', to: 'never' },
  ]
  const imageRules = { is: rules }
  const pod = (image: string): object => ({ containers: [{ image }], initContainers: [{ image: 'kept' }] })
  const [before, after] = [pod('old.test/web:1'), pod('new.test/web:1')]
  assert.deepEqual(specOf('pods', object({ spec: before }), { imageRules }), after)
  for (const resource of [
    'deployments.apps',
    'statefulsets.apps',
    'daemonsets.apps',
    'replicasets.apps',
    'replicationcontrollers',
    'jobs.batch',
  ]) {
    assert.deepEqual(specOf(resource, object({ spec: { template: { spec: before } } }), { imageRules }), {
      template: { spec: after },
    })
  }
  const cronJob = (spec: object): object => ({ jobTemplate: { spec: { template: { spec } } } })
  assert.deepEqual(specOf('cronjobs.batch', object({ spec: cronJob(before) }), { imageRules }), cronJob(after))
})

test('subjects follow their namespaces', () => {
  const subjects = [
    { kind: 'ServiceAccount', name: 'a', namespace: 'shop' },
    { kind: 'User', name: 'u' },
    { kind: 'ServiceAccount', name: 'b', namespace: 'bar' },
  ]
  for (const resource of ['rolebindings.rbac.authorization.k8s.io', 'clusterrolebindings.rbac.authorization.k8s.io']) {
    const result = restored(resource, object({ subjects }))
    assert.ok(typeof result === 'object')
    assert.deepEqual(result.object['subjects'], [{ ...subjects[0], namespace: 'copy' }, subjects[1], subjects[2]])
  }
})

const crds = 'customresourcedefinitions.apiextensions.k8s.io'

test('a definition that keeps unknown fields says so the new way', () => {
  const versions = [{ name: 'v1', schema: { openAPIV3Schema: { type: 'object' } } }]
  const old = object({ spec: { preserveUnknownFields: true, versions } }, 'apiextensions.k8s.io/v1')
  const openAPIV3Schema = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
  assert.deepEqual(specOf(crds, old), {
    preserveUnknownFields: false,
    versions: [{ name: 'v1', schema: { openAPIV3Schema } }],
  })
  const strict = object({ spec: { versions } }, 'apiextensions.k8s.io/v1')
  assert.deepEqual(specOf(crds, strict), { versions })
})

test('APIServices that the API server makes by itself are left out', () => {
  const resource = 'apiservices.apiregistration.k8s.io'
  const labels = { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' }
  assert.equal(restored(resource, object({ metadata: { name: 'v1.apps', labels } })), 'automanaged-api-service')
  assert.equal(typeof restored(resource, object({})), 'object')
})

test('webhooks get a sideEffects that v1 takes', () => {
  const webhooks = ['Unknown', 'None', 'NoneOnDryRun', 'Some'].map((sideEffects) => ({ sideEffects }))
  const configuration = object({ webhooks }, 'admissionregistration.k8s.io/v1')
  const result = restored('validatingwebhookconfigurations.admissionregistration.k8s.io', configuration)
  assert.ok(typeof result === 'object')
  assert.deepEqual(
    (result.object['webhooks'] as { sideEffects: string }[]).map(({ sideEffects }) => sideEffects),
    ['None', 'None', 'NoneOnDryRun', 'None'],
  )
})

function tokenSecret(name: string): KubeObject {
  const annotations = { 'kubernetes.io/service-account.name': 'web', 'kubernetes.io/service-account.uid': 'u' }
  const data = { token: 't', 'ca.crt': 'c', namespace: 'n', extra: 'e' }
  return object({
    type: 'kubernetes.io/service-account-token',
    metadata: { name, namespace: 'shop', annotations },
    data,
  })
}

test('a token secret that an old cluster made for a live account is left out', () => {
  assert.equal(restored('secrets', tokenSecret('web-token-abcde')), 'token-of-live-service-account')
  const nested = new Set(['shop/web-token-x'])
  assert.equal(
    restored('secrets', tokenSecret('web-token-x-token-y'), { liveServiceAccounts: nested }),
    'token-of-live-service-account',
  )
})

test('a token secret made by hand is emptied for the target cluster to fill', () => {
  for (const name of ['batch-token', 'other-token-abcde', 'web-tokens']) {
    const result = restored('secrets', tokenSecret(name))
    assert.ok(typeof result === 'object', name)
    assert.deepEqual(result.object['data'], { namespace: 'n', extra: 'e' })
    assert.deepEqual(result.object.metadata.annotations, { 'kubernetes.io/service-account.name': 'web' })
  }
})

test('any other secret stays as it is', () => {
  const secret = object({
    type: 'Opaque',
    metadata: { name: 'web-token-abcde', namespace: 'shop' },
    data: { token: 't' },
  })
  assert.deepEqual(restored('secrets', secret), { object: secret, related: [] })
})
