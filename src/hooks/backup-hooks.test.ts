import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { BackupSpec } from '#api/backup.ts'
import type { Item } from '#kube/object.ts'
import { backupHooks, type PodHooks } from './backup-hooks.ts'

type Resources = NonNullable<NonNullable<BackupSpec['hooks']>['resources']>

const pre = 'pre.hook.backup.velero.io/'
const post = 'post.hook.backup.velero.io/'
const old = 'hook.backup.velero.io/'

function pod(annotations: Record<string, string> = {}, labels: Record<string, string> = {}): Item {
  const type = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true }
  const metadata = { name: 'db', namespace: 'shop', annotations, labels }
  const spec = { containers: [{ name: 'main' }, { name: 'side' }] }
  return { type, namespace: 'shop', name: 'db', object: { apiVersion: 'v1', kind: 'Pod', metadata, spec } }
}

function hooksOf(annotations: Record<string, string>, resources: Resources = []): PodHooks | undefined {
  return backupHooks({ hooks: { resources } }).of(pod(annotations))
}

function commands(hooks: PodHooks | undefined): (readonly string[])[][] {
  return [hooks?.pre ?? [], hooks?.post ?? []].map((list) => list.map(({ command }) => command))
}

test('a pod that asks for nothing has no hooks', () => {
  assert.equal(hooksOf({}), undefined)
  assert.equal(hooksOf({ [`${pre}command`]: '' }), undefined)
  assert.equal(hooksOf({ [`${pre}container`]: 'main' }), undefined)
})

test('annotations give the command, the container, what an error means and the time', () => {
  const hooks = hooksOf({
    [`${pre}command`]: '["sh", "-c", "sync"]',
    [`${pre}container`]: 'side',
    [`${pre}on-error`]: 'Fail',
    [`${pre}timeout`]: '2m',
    [`${post}command`]: '/thaw.sh',
  })
  const common = { source: 'annotation', name: '<from-annotation>' } as const
  assert.deepEqual(hooks, {
    pre: [{ ...common, container: 'side', command: ['sh', '-c', 'sync'], onError: 'Fail', timeoutMillis: 120_000 }],
    post: [{ ...common, container: 'main', command: ['/thaw.sh'], onError: 'Continue', timeoutMillis: 30_000 }],
  })
})

test('the old spelling is a pre hook, unless the new one is there', () => {
  assert.deepEqual(commands(hooksOf({ [`${old}command`]: 'a' })), [[['a']], []])
  assert.deepEqual(commands(hooksOf({ [`${old}command`]: 'a', [`${pre}command`]: 'b' })), [[['b']], []])
})

test('a container that the pod lacks is a problem that names those it has', () => {
  const [hook] = hooksOf({ [`${pre}command`]: 'a', [`${pre}container`]: 'mian' })?.pre ?? []
  assert.equal(hook?.problem, 'the pod has no container mian; it has main, side')
})

test('a time of nothing or zero is half a minute, less is without limit, nonsense is not heeded', () => {
  const timeout = (text: string | undefined): number | undefined =>
    hooksOf({ [`${pre}command`]: 'a', ...(text === undefined ? {} : { [`${pre}timeout`]: text }) })?.pre[0]
      ?.timeoutMillis
  assert.deepEqual([undefined, '0s', '1h', '-1s', 'soon'].map(timeout), [30_000, 30_000, 3_600_000, undefined, 30_000])
})

test('entries of the spec that fit give their hooks in order, and only the literal Fail stops anything', () => {
  const exec = (word: string, onError?: 'Fail') => ({ exec: { command: [word], ...(onError && { onError }) } })
  const hooks = hooksOf({}, [
    { name: 'one', pre: [exec('a', 'Fail'), exec('b')], post: [exec('c')] },
    { name: 'elsewhere', includedNamespaces: ['bank'], pre: [exec('x')] },
    { name: 'two', pre: [exec('d')] },
  ])
  assert.deepEqual(
    hooks?.pre.map(({ name, command, onError }) => [name, ...command, onError]),
    [
      ['one', 'a', 'Fail'],
      ['one', 'b', 'Continue'],
      ['two', 'd', 'Continue'],
    ],
  )
  assert.deepEqual(
    hooks?.post.map(({ command }) => command),
    [['c']],
  )
})

test('a command in an annotation takes the place of the spec, for its phase only', () => {
  const spec = [{ name: 'all', pre: [{ exec: { command: ['s'] } }], post: [{ exec: { command: ['t'] } }] }]
  assert.deepEqual(commands(hooksOf({ [`${pre}command`]: 'a' }, spec)), [[['a']], [['t']]])
  assert.deepEqual(commands(hooksOf({ [`${post}command`]: 'b' }, spec)), [[['s']], [['b']]])
})

test('an annotation with a command wins over the wish to quiesce, which wins over the spec', () => {
  const spec = [{ name: 'all', pre: [{ exec: { command: ['s'] } }] }]
  const quiesce = { 'lifeboat.dev/quiesce': 'mongodb' }
  const [preHooks, postHooks] = commands(hooksOf({ ...quiesce, [`${pre}command`]: 'a' }, spec))
  assert.deepEqual(preHooks, [['a']])
  assert.match(String(postHooks?.[0]), /fsyncUnlock/)
  assert.match(String(commands(hooksOf(quiesce, spec))[0]?.[0]), /fsyncLock/)
})

test('whatever annotations say, hooks have a container or a problem, and a command', () => {
  const keys = [pre, post, old].flatMap((prefix) =>
    ['command', 'container', 'on-error', 'timeout'].map((field) => prefix + field),
  )
  const annotations = fc.dictionary(fc.constantFrom(...keys, 'lifeboat.dev/quiesce'), fc.string(), { maxKeys: 8 })
  fc.assert(
    fc.property(annotations, (given) => {
      const hooks = hooksOf(given)
      for (const hook of [...(hooks?.pre ?? []), ...(hooks?.post ?? [])]) {
        assert.ok(hook.problem !== undefined || ['main', 'side'].includes(hook.container))
        assert.ok(hook.problem !== undefined || hook.command.every((word) => typeof word === 'string'))
      }
    }),
  )
})
