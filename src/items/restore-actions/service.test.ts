import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { KubeObject } from '#kube/object.ts'
import type { RestoreContext } from '../restore-context.ts'
import { serviceAction } from './service.ts'

const context: RestoreContext = {
  backupName: 'b',
  restoreName: 'r',
  volumes: new Map(),
  liveServiceAccounts: new Set(),
  restoresStatus: () => false,
}

function service(spec: object, metadata: object = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'shop', ...metadata }, spec }
}

function restored(object: KubeObject, more: Partial<RestoreContext> = {}): unknown {
  const facts = { archived: object, resource: 'services', context: { ...context, ...more } }
  const result = serviceAction.execute(object, facts)
  assert.ok('object' in result)
  return result.object['spec']
}

const applied = (spec: object): object => ({
  annotations: { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify({ spec }) },
})

const owned = (fields: object): object => ({ managedFields: [{ manager: 'x' }, { fieldsV1: { 'f:spec': fields } }] })

test('addresses are given anew, unless the service is headless', () => {
  assert.deepEqual(restored(service({ clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'], type: 'ClusterIP' })), {
    type: 'ClusterIP',
  })
  const headless = { clusterIP: 'None', clusterIPs: ['None'] }
  assert.deepEqual(restored(service(headless)), headless)
})

const ports = [
  { name: 'http', port: 80, protocol: 'TCP', nodePort: 30080 },
  { name: 'dns', port: 53, protocol: 'UDP', nodePort: 30053 },
]

function nodePorts(spec: unknown): unknown[] {
  return (spec as { ports: { nodePort?: number }[] }).ports.map(({ nodePort }) => nodePort)
}

test('ports that nobody chose are given anew', () => {
  assert.deepEqual(nodePorts(restored(service({ type: 'NodePort', ports }))), [undefined, undefined])
})

test('a port that was applied stays, by its name or else by its number', () => {
  const chosen = applied({
    ports: [
      { name: 'http', port: 80, nodePort: 30080 },
      { name: 'dns', port: 53 },
    ],
  })
  assert.deepEqual(nodePorts(restored(service({ ports }, chosen))), [30080, undefined])
  const nameless = [
    { port: 80, nodePort: 30080 },
    { port: 81, nodePort: 30081 },
  ]
  const byNumber = applied({ ports: [{ port: 80, nodePort: 30080 }] })
  assert.deepEqual(nodePorts(restored(service({ ports: nameless }, byNumber))), [30080, undefined])
})

test('a port that a field manager set stays, but only where nothing was applied', () => {
  const fields = {
    'f:ports': {
      'k:{"port":80,"protocol":"TCP"}': { 'f:nodePort': {} },
      'k:{"port":53,"protocol":"UDP"}': { 'f:port': {} },
    },
  }
  assert.deepEqual(nodePorts(restored(service({ ports }, owned(fields)))), [30080, undefined])
  const both = { ...owned(fields), ...applied({ ports: [] }) }
  assert.deepEqual(nodePorts(restored(service({ ports }, both))), [undefined, undefined])
})

test('all ports stay on request, and those of an ExternalName always', () => {
  assert.deepEqual(nodePorts(restored(service({ ports }), { preserveNodePorts: true })), [30080, 30053])
  assert.deepEqual(nodePorts(restored(service({ type: 'ExternalName', ports }))), [30080, 30053])
})

test('the health check port follows the same rule', () => {
  const spec = { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 31000 }
  const without = { type: 'LoadBalancer', externalTrafficPolicy: 'Local' }
  assert.deepEqual(restored(service(spec)), without)
  assert.deepEqual(restored(service(spec, applied({ healthCheckNodePort: 31000 }))), spec)
  assert.deepEqual(restored(service(spec, owned({ 'f:healthCheckNodePort': {} }))), spec)
  assert.deepEqual(restored(service(spec, applied({}))), without)
})

test('a broken annotation says nothing about ports', () => {
  const broken = { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{"spec"' } }
  assert.deepEqual(nodePorts(restored(service({ ports }, broken))), [undefined, undefined])
})

test('no port appears that was not there, and doing it twice changes nothing more', () => {
  const port = fc.record({
    name: fc.constantFrom('a', 'b'),
    port: fc.constantFrom(1, 2),
    nodePort: fc.constantFrom(30001, 30002),
  })
  fc.assert(
    fc.property(fc.array(port), fc.array(port), fc.boolean(), (own, chosen, preserveNodePorts) => {
      const object = service({ clusterIP: '10.0.0.1', ports: own }, applied({ ports: chosen }))
      const once = restored(object, { preserveNodePorts })
      assert.deepEqual(restored({ ...object, spec: once }, { preserveNodePorts }), once)
      nodePorts(once).forEach((nodePort, index) =>
        assert.ok(nodePort === undefined || nodePort === own[index]?.nodePort),
      )
    }),
  )
})
