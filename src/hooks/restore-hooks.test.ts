import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RestoreSpec } from '#api/restore.ts'
import type { KubeObject } from '#kube/object.ts'
import { containerState } from './restored-pod.ts'
import { restoreHooks, type RestoredHook } from './restore-hooks.ts'

const post = 'post.hook.restore.velero.io/'

function pod(annotations: Record<string, string> = {}, status?: object): KubeObject {
  const metadata = { name: 'db', namespace: 'shop-copy', annotations, labels: { app: 'db' } }
  const spec = { containers: [{ name: 'main' }, { name: 'side' }] }
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec, ...(status && { status }) }
}

function hooksOf(annotations: Record<string, string>, hooks?: RestoreSpec['hooks']): readonly RestoredHook[] {
  return restoreHooks({ hooks }).of(pod(annotations))
}

test('a pod that asks for nothing has no hooks', () => {
  assert.deepEqual(hooksOf({}), [])
  assert.deepEqual(hooksOf({ [`${post}container`]: 'main' }), [])
})

test('annotations say what is run where, how long for, and what is waited for', () => {
  const given = {
    [`${post}command`]: '["psql", "-c", "ANALYZE"]',
    [`${post}container`]: 'side',
    [`${post}on-error`]: 'Fail',
    [`${post}exec-timeout`]: '1m',
    [`${post}wait-timeout`]: '5m',
    [`${post}wait-for-ready`]: 'true',
  }
  assert.deepEqual(hooksOf(given), [
    {
      source: 'annotation',
      name: '<from-annotation>',
      container: 'side',
      command: ['psql', '-c', 'ANALYZE'],
      onError: 'Fail',
      timeoutMillis: 60_000,
      waitMillis: 300_000,
      waitsForReady: true,
    },
  ])
})

test('without a time a hook waits without limit, for a container that runs', () => {
  const [hook] = hooksOf({ [`${post}command`]: 'a', [`${post}wait-timeout`]: '0s' })
  assert.deepEqual([hook?.waitMillis, hook?.waitsForReady, hook?.timeoutMillis], [undefined, false, 30_000])
})

test('entries of the spec are for target namespaces and labels, and an annotation takes their place', () => {
  const exec = (word: string) => ({ exec: { command: [word] } })
  const hooks = {
    resources: [
      { name: 'copy', includedNamespaces: ['shop-copy'], postHooks: [exec('a'), { init: {} }, exec('b')] },
      { name: 'source', includedNamespaces: ['shop'], postHooks: [exec('x')] },
      { name: 'labelled', labelSelector: { matchLabels: { app: 'db' } }, postHooks: [exec('c')] },
    ],
  }
  assert.deepEqual(
    hooksOf({}, hooks).map(({ command }) => command),
    [['a'], ['b'], ['c']],
  )
  assert.deepEqual(
    hooksOf({ [`${post}command`]: 'own' }, hooks).map(({ command }) => command),
    [['own']],
  )
})

test('a container is up when it runs, or when it is ready, as the hook wants it', () => {
  const running = { phase: 'Running', containerStatuses: [{ name: 'main', ready: false, state: { running: {} } }] }
  assert.equal(containerState(pod({}, running), 'main', false), 'up')
  assert.equal(containerState(pod({}, running), 'main', true), 'not-yet')
  assert.equal(containerState(pod({}, running), 'side', false), 'not-yet')
  assert.equal(containerState(pod(), 'main', false), 'not-yet')
})

test('in a pod that has ended, is being deleted or is gone nothing can be run', () => {
  assert.equal(containerState(pod({}, { phase: 'Failed' }), 'main', false), 'finished')
  assert.equal(containerState(undefined, 'main', false), 'gone')
  const leaving = pod()
  leaving.metadata.deletionTimestamp = '2026-01-01T00:00:00Z'
  assert.equal(containerState(leaving, 'main', false), 'gone')
})
