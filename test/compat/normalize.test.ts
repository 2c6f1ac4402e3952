import assert from 'node:assert/strict'
import { mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseJson } from '#kube/json.ts'
import type { KubeObject } from '#kube/object.ts'
import { isMadeByController, normalise } from './normalize.ts'
import { differences, readState, writeState } from './recorded-state.ts'

const scenarios = ['a02-whole-cluster', 'a03-one-namespace']

function recorded(scenario: string): ReturnType<typeof readState> {
  return readState(join(import.meta.dirname, 'golden', 'state', scenario))
}

function object(kind: string, rest: Record<string, unknown> = {}): KubeObject {
  return { apiVersion: 'v1', kind, metadata: { name: 'a', namespace: 'shop' }, ...rest }
}

for (const scenario of scenarios) {
  test(`normalising what was recorded for ${scenario} changes nothing`, async () => {
    const state = await recorded(scenario)
    assert.ok(state.size > 50, `${state.size} objects`)
    for (const [path, was] of state) assert.deepEqual(normalise(was, path.split('/')[0] ?? ''), was, path)
  })

  test(`nothing recorded for ${scenario} is made by a controller`, async () => {
    for (const [path, was] of await recorded(scenario)) assert.equal(isMadeByController(was), false, path)
  })

  test(`${scenario} written anew reads as the same state`, async () => {
    await using folder = await mkdtempDisposable(join(tmpdir(), 'lifeboat-state-'))
    const state = await recorded(scenario)
    await writeState(state, folder.path)
    const again = await readState(folder.path)
    assert.deepEqual(again, state)
    assert.deepEqual(differences(state, again), [])
  })
}

test('what the server makes up anew is dropped from metadata, and the given object is left alone', () => {
  const metadata = {
    name: 'a',
    uid: 'u',
    resourceVersion: '1',
    generation: 3,
    creationTimestamp: '2026-01-01T00:00:00Z',
    deletionTimestamp: '2026-01-01T00:00:00Z',
    deletionGracePeriodSeconds: 30,
    managedFields: [{}],
    labels: { app: 'web', 'controller-uid': 'u' },
    ownerReferences: [{ apiVersion: 'v1', kind: 'B', name: 'b', uid: 'v', controller: true }],
  }
  const live = object('ConfigMap', { metadata, status: { phase: 'x' } })
  const before = JSON.stringify(live)
  assert.deepEqual(normalise(live, 'configmaps'), {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      name: 'a',
      labels: { app: 'web', 'controller-uid': '<uid>' },
      ownerReferences: [{ apiVersion: 'v1', kind: 'B', name: 'b', controller: true }],
    },
  })
  assert.equal(JSON.stringify(live), before)
})

test('status stays where the scenario is about it', () => {
  const live = object('Tree', { status: { height: 3 } })
  assert.deepEqual(normalise(live, 'trees.orchard.test', { keepStatusOf: ['trees.orchard.test'] }), live)
})

test('of a service only the addresses and ports that somebody asked for stay', () => {
  const applied = JSON.stringify({ spec: { ports: [{ port: 80, nodePort: 30080 }, { port: 81 }] } })
  const service = (clusterIP: string): KubeObject =>
    object('Service', {
      metadata: { name: 'a', annotations: { 'kubectl.kubernetes.io/last-applied-configuration': applied } },
      spec: {
        clusterIP,
        clusterIPs: [clusterIP],
        healthCheckNodePort: 31000,
        ports: [{ port: 80, nodePort: 30080 }, { port: 81, nodePort: 30081 }, { port: 82 }],
      },
    })
  const ports = [{ port: 80, nodePort: 30080 }, { port: 81 }, { port: 82 }]
  assert.deepEqual(normalise(service('10.0.0.7'), 'services')['spec'], { ports })
  assert.deepEqual(normalise(service('None'), 'services')['spec'], { clusterIP: 'None', clusterIPs: ['None'], ports })
  assert.deepEqual(normalise(service('10.0.0.7'), 'services', { keepNodePorts: true })['spec'], {
    healthCheckNodePort: 31000,
    ports: [{ port: 80, nodePort: 30080 }, { port: 81, nodePort: 30081 }, { port: 82 }],
  })
})

test('a pod loses its node, its token volume and the default tolerations', () => {
  const toleration = (seconds: number): object => ({
    key: 'node.kubernetes.io/not-ready',
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds: seconds,
  })
  const volumes = [{ name: 'data' }, { name: 'kube-api-access-x7' }]
  const pod = object('Pod', {
    spec: {
      nodeName: 'node-a',
      volumes,
      containers: [{ name: 'c', volumeMounts: volumes }],
      initContainers: [{ name: 'i' }],
      tolerations: [toleration(300), toleration(60)],
    },
  })
  assert.deepEqual(normalise(pod, 'pods')['spec'], {
    volumes: [{ name: 'data' }],
    containers: [{ name: 'c', volumeMounts: [{ name: 'data' }] }],
    initContainers: [{ name: 'i', volumeMounts: [] }],
    tolerations: [toleration(60)],
  })
})

test('tokens, claim uids and the uids in selectors of jobs are hidden', () => {
  const secret = object('Secret', {
    type: 'kubernetes.io/service-account-token',
    metadata: {
      name: 'a',
      annotations: { 'kubernetes.io/service-account.name': 'b', 'kubernetes.io/service-account.uid': 'u' },
      labels: { 'kubernetes.io/legacy-token-last-used': '2026-01-01' },
    },
    data: { token: 'eA==', 'ca.crt': 'eA==' },
  })
  const hidden = normalise(secret, 'secrets')
  assert.deepEqual(hidden['data'], { 'ca.crt': '<token>', token: '<token>' })
  assert.deepEqual(hidden.metadata, {
    name: 'a',
    annotations: { 'kubernetes.io/service-account.name': 'b' },
    labels: {},
  })

  const volume = object('PersistentVolume', { spec: { claimRef: { name: 'c', uid: 'u', resourceVersion: '1' } } })
  assert.deepEqual(normalise(volume, 'persistentvolumes')['spec'], { claimRef: { name: 'c' } })

  const labels = { 'batch.kubernetes.io/controller-uid': 'u', app: 'x' }
  const job = object('Job', {
    spec: { selector: { matchLabels: { ...labels } }, template: { metadata: { labels: { ...labels } } } },
  })
  const shown = { 'batch.kubernetes.io/controller-uid': '<uid>', app: 'x' }
  assert.deepEqual(normalise(job, 'jobs.batch')['spec'], {
    selector: { matchLabels: shown },
    template: { metadata: { labels: shown } },
  })
})

test('long texts become a hash with their number of characters; others and large numbers stay', () => {
  const live = parseJson(
    JSON.stringify(object('ConfigMap', { data: { short: 'é'.repeat(4096), long: '😀'.repeat(4097) }, n: 1 })).replace(
      '"n":1',
      '"n":9007199254740993',
    ),
  ) as KubeObject
  const normal = normalise(live, 'configmaps')
  const data = normal['data'] as Record<string, string>
  assert.equal(data['short'], 'é'.repeat(4096))
  assert.match(data['long'] ?? '', /^sha256:[0-9a-f]{64};len=4097$/)
  assert.match(JSON.stringify(normal), /"n":9007199254740993/)
})

test('objects that controllers make by themselves are recognised', () => {
  const made: KubeObject[] = [
    object('ConfigMap', { metadata: { name: 'kube-root-ca.crt' } }),
    object('Backup', { apiVersion: 'velero.io/v1' }),
    object('APIService', {
      metadata: { name: 'v1.x', labels: { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' } },
    }),
    object('EndpointSlice', {
      metadata: { name: 'a', labels: { 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' } },
    }),
    object('Endpoints', {
      metadata: { name: 'a', annotations: { 'endpoints.kubernetes.io/last-change-trigger-time': 'x' } },
    }),
    object('Lease', { metadata: { name: 'a', namespace: 'kube-system' } }),
  ]
  for (const thing of made) assert.equal(isMadeByController(thing), true, thing.kind)
  for (const kind of ['ConfigMap', 'EndpointSlice', 'Endpoints', 'Lease']) {
    assert.equal(isMadeByController(object(kind)), false, kind)
  }
})

test('every kind of difference is told with the place where it is', () => {
  const was = new Map([
    ['configmaps/shop/same', object('ConfigMap', { data: { a: '1' } })],
    ['configmaps/shop/gone', object('ConfigMap')],
    ['configmaps/shop/a:b', object('ConfigMap', { data: { 'a.b': 'x' }, list: [1, 2], empty: {} })],
  ])
  const is = new Map([
    ['configmaps/shop/same', object('ConfigMap', { data: { a: '1' } })],
    ['configmaps/shop/new', object('ConfigMap')],
    ['configmaps/shop/a:b', object('ConfigMap', { data: { 'a.b': 'y' }, list: [1] })],
  ])
  assert.deepEqual(differences(was, is), [
    'configmaps/shop/a_colon_b: data["a.b"] was "x", is "y"',
    'configmaps/shop/a_colon_b: empty was {}, is absent',
    'configmaps/shop/a_colon_b: list[1] was 2, is absent',
    'configmaps/shop/gone: was recorded, but is not there',
    'configmaps/shop/new: is there, but was not recorded',
  ])
})

function tree(height: string): Map<string, KubeObject> {
  const text = `{"apiVersion":"v1","kind":"Tree","metadata":{"name":"a"},"height":${height}}`
  return new Map([['trees/shop/a', parseJson(text) as KubeObject]])
}

test('two large numbers that a double cannot tell apart are different', () => {
  assert.deepEqual(differences(tree('9007199254740993'), tree('9007199254740992')), [
    'trees/shop/a: height was 9007199254740993, is 9007199254740992',
  ])
})

test('one number written in two ways is no difference, a text that looks like it is one', () => {
  for (const [was, is] of [
    ['1.5e-07', '1.5e-7'],
    ['1.0', '1'],
    ['1E+3', '1000'],
    ['-0.50', '-5e-1'],
    ['0.0', '-0'],
  ] as const) {
    assert.deepEqual(differences(tree(was), tree(is)), [], `${was} and ${is}`)
  }
  assert.deepEqual(differences(tree('"1.0"'), tree('"1"')), ['trees/shop/a: height was "1.0", is "1"'])
  assert.equal(differences(tree('"1"'), tree('1')).length, 1)
  assert.deepEqual(differences(tree('-10'), tree('100')), ['trees/shop/a: height was -10, is 100'])
})
