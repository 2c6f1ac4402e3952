import assert from 'node:assert/strict'
import { test } from 'node:test'
import { rollout } from './rollout.ts'

const deployment = (spec: object, status: object): Parameters<typeof rollout>[0] => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'velero', generation: 2 },
  spec,
  status,
})
const seen = { observedGeneration: 2 }
const full = { ...seen, replicas: 2, updatedReplicas: 2, availableReplicas: 2 }

test('a rollout is done when all pods are new and available, not before', () => {
  assert.deepEqual(rollout(deployment({ replicas: 2 }, full)), { done: true })
  assert.deepEqual(rollout(deployment({}, { ...seen, replicas: 1, updatedReplicas: 1, availableReplicas: 1 })), {
    done: true,
  })
  const whys = [
    { ...full, observedGeneration: 1 },
    { ...full, updatedReplicas: 1 },
    { ...full, replicas: 3 },
    { ...full, availableReplicas: 1, conditions: [{ type: 'Available', status: 'False', message: 'no nodes' }] },
    {},
  ].map((status) => rollout(deployment({ replicas: 2 }, status)))
  assert.deepEqual(whys, [
    { done: false, why: 'the cluster has not looked at it yet' },
    { done: false, why: '1 of 2 pods are of the newest template' },
    { done: false, why: 'pods of the template before have not gone yet' },
    { done: false, why: '1 of 2 pods are available (no nodes)' },
    { done: false, why: 'the cluster has not looked at it yet' },
  ])
})
