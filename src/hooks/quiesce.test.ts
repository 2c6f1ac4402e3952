import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import type { KubeObject } from '#kube/object.ts'
import { quiescable, quiesceHooks } from './quiesce.ts'

const claim = (name: string) => ({ name, persistentVolumeClaim: { claimName: `claim-${name}` } })

function pod(annotations: Record<string, string>): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'db', namespace: 'shop', annotations },
    spec: {
      volumes: [claim('data'), claim('wal'), { name: 'scratch', emptyDir: {} }, { name: 'own', ephemeral: {} }],
      containers: [
        { name: 'side', volumeMounts: [{ name: 'scratch', mountPath: '/tmp' }] },
        {
          name: 'main',
          volumeMounts: [
            { name: 'data', mountPath: '/data' },
            { name: 'data', mountPath: '/again', subPath: 'x' },
            { name: 'wal', mountPath: '/wal', readOnly: true },
            { name: 'own', mountPath: '/own' },
          ],
        },
      ],
    },
  }
}

const quiesced = (what: string, container?: string) =>
  quiesceHooks(pod({ 'lifeboat.dev/quiesce': what, ...(container && { 'lifeboat.dev/quiesce-container': container }) }))

test('every kind of application has a pre hook that leaves the pod in the backup when it fails', () => {
  for (const what of quiescable) {
    const { pre } = quiesced(what)
    assert.ok(pre.length > 0, what)
    assert.ok(
      pre.every(({ onError, problem }) => onError === 'Continue' && problem === undefined),
      what,
    )
  }
})

test('what is locked is unlocked, and databases that only flush have nothing to undo', () => {
  const undone = quiescable.filter((what) => quiesced(what).post.length > 0)
  assert.deepEqual(undone, ['mysql', 'mongodb', 'fsfreeze'])
})

test('every script is one that a shell can read', () => {
  for (const what of quiescable) {
    const { pre, post } = quiesced(what)
    for (const { command } of [...pre, ...post]) {
      if (command[0] === 'sh') execFileSync('sh', ['-n', '-c', command[2] ?? ''])
    }
  }
})

test('fsfreeze freezes each writable claim once, in the container that mounts them', () => {
  const { pre, post } = quiesced('fsfreeze')
  assert.deepEqual(
    pre.map(({ container, command }) => [container, ...command]),
    [
      ['main', 'fsfreeze', '--freeze', '/data'],
      ['main', 'fsfreeze', '--freeze', '/own'],
    ],
  )
  assert.deepEqual(
    post.map(({ command }) => command[1]),
    ['--unfreeze', '--unfreeze'],
  )
})

test('fsfreeze in a container without claims, and a container that is not there, are problems', () => {
  assert.match(quiesced('fsfreeze', 'side').pre[0]?.problem ?? '', /nothing to freeze/)
  assert.match(quiesced('fsfreeze', 'mian').pre[0]?.problem ?? '', /no container mian/)
  assert.match(quiesced('redis', 'mian').pre[0]?.problem ?? '', /no container mian/)
})

test('a value that stands for nothing is a problem that names those that do', () => {
  const { pre, post } = quiesced('oracle')
  assert.match(pre[0]?.problem ?? '', /oracle; it can be postgres, mysql, mongodb, redis, fsfreeze/)
  assert.deepEqual(post, [])
})

test('the container that is asked for is taken, else the first', () => {
  assert.equal(quiesced('redis').pre[0]?.container, 'side')
  assert.equal(quiesced('redis', 'main').pre[0]?.container, 'main')
})
