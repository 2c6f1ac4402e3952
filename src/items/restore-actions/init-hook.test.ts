import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KubeObject } from '#kube/object.ts'
import type { RestoreFacts } from '../restore-action.ts'
import { initHookAction } from './init-hook.ts'

const own = { name: 'own', image: 'busybox' }
const facts = {} as RestoreFacts

function pod(annotations: Record<string, string>, initContainers?: object[]): KubeObject {
  const named = Object.entries(annotations).map(([field, value]) => [`init.hook.restore.velero.io/${field}`, value])
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'shop', annotations: Object.fromEntries(named) },
    spec: { containers: [own], ...(initContainers === undefined ? {} : { initContainers }) },
  }
}

function initContainersOf(object: KubeObject): unknown {
  const result = initHookAction.execute(object, facts)
  assert.ok('object' in result)
  return (result.object['spec'] as { initContainers?: unknown }).initContainers
}

test('an annotated pod gets its hook as first init container', () => {
  const annotations = {
    'container-image': 'busybox:1.36',
    'container-name': 'warm-up',
    command: '["/bin/sh", "-c", "x"]',
  }
  const hook = { name: 'warm-up', image: 'busybox:1.36', command: ['/bin/sh', '-c', 'x'] }
  assert.deepEqual(initContainersOf(pod(annotations)), [hook])
  assert.deepEqual(initContainersOf(pod(annotations, [own])), [hook, own])
})

test('a hook comes after the container that waits for volume data', () => {
  const wait = { name: 'restore-wait', image: 'velero' }
  const names = (
    initContainersOf(pod({ 'container-image': 'i', command: 'c', 'container-name': 'h' }, [wait, own])) as {
      name: string
    }[]
  ).map(({ name }) => name)
  assert.deepEqual(names, ['restore-wait', 'h', 'own'])
})

test('a command that is no JSON list of text is one word', () => {
  for (const command of ['/bin/true', '[not json', '[1]', '[]']) {
    const [hook] = initContainersOf(pod({ 'container-image': 'i', command })) as { name: string; command: string[] }[]
    assert.deepEqual(hook?.command, [command])
    assert.match(hook?.name ?? '', /^velero-restore-init-[0-9a-f]{8}$/)
  }
})

test('without image or command there is no hook', () => {
  assert.equal(initContainersOf(pod({ command: 'c' })), undefined)
  assert.deepEqual(initContainersOf(pod({ 'container-image': 'i' }, [own])), [own])
})
