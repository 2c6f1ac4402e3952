import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Backup } from '#api/backup.ts'
import type { RestorePhase } from '#api/restore.ts'
import { restoreTurns, type AskedRestore } from './restore-queue.ts'

const apiVersion = 'velero.io/v1'
const backup: Backup = { apiVersion, kind: 'Backup', metadata: { name: 'b' }, spec: {} }

function asked(name: string, includedNamespaces: string[], phase?: RestorePhase): AskedRestore {
  const creationTimestamp = `2026-01-01T00:00:${name.padStart(2, '0')}Z`
  const status = phase === undefined ? {} : { status: { phase } }
  const spec = { includedNamespaces, includeClusterResources: false }
  return { backup, restore: { apiVersion, kind: 'Restore', metadata: { name, creationTimestamp }, spec, ...status } }
}

function running(one: AskedRestore): AskedRestore {
  return { ...one, restore: { ...one.restore, status: { phase: 'InProgress' } } }
}

const namespacesOf = ({ restore }: AskedRestore): string[] => restore.spec.includedNamespaces ?? []
const isRunning = ({ restore }: AskedRestore): boolean => restore.status?.phase === 'InProgress'

test('never more than allowed run, never two on one namespace, nobody idles without reason, and everybody gets a turn', () => {
  const scenario = fc.record({
    claims: fc.array(fc.subarray(['a', 'b', 'c', 'd'], { minLength: 1 }), { minLength: 1, maxLength: 8 }),
    concurrent: fc.integer({ min: 1, max: 3 }),
    ends: fc.infiniteStream(fc.nat(7)),
  })
  fc.assert(
    fc.property(scenario, ({ claims, concurrent, ends }) => {
      let left = claims.map((included, at) => asked(String(at), included))
      for (let step = 0; left.length > 0; step += 1) {
        assert.ok(step <= claims.length, 'somebody starves')
        // They look at their turn one after another, as in the server.
        for (const { restore } of left) {
          const turn = restoreTurns(left, { concurrent }).get(restore.metadata.name)
          if (turn?.do === 'start') left = left.map((one) => (one.restore === restore ? running(one) : one))
        }
        const busy = left.filter(isRunning)
        assert.ok(busy.length >= 1 && busy.length <= concurrent)
        const taken = busy.flatMap(namespacesOf)
        assert.equal(new Set(taken).size, taken.length, 'two run on one namespace')
        for (const [name, turn] of restoreTurns(left, { concurrent })) assert.equal(turn.do, 'wait', name)
        const ended = busy[(ends.next().value ?? 0) % busy.length]
        left = left.filter((one) => one !== ended)
      }
    }),
  )
})

test('what a restore waits for is said, and one that is free overtakes', () => {
  const all = [asked('1', ['a'], 'InProgress'), asked('2', ['a', 'b']), asked('3', ['b']), asked('4', ['c'])]
  assert.deepEqual(
    [...restoreTurns(all, { concurrent: 2 })],
    [
      ['2', { do: 'wait', why: 'waits for restore 1: both write to namespace a' }],
      ['3', { do: 'wait', why: 'waits for restore 2: both write to namespace b' }],
      ['4', { do: 'start' }],
    ],
  )
  assert.deepEqual(
    [...restoreTurns([all[0]!, all[3]!], { concurrent: 1 })],
    [['4', { do: 'wait', why: 'waits for its turn: no more than 1 at a time' }]],
  )
  assert.deepEqual(
    [...restoreTurns([asked('1', [], 'InProgress'), asked('2', ['x*'])], { concurrent: 2 })],
    [['2', { do: 'wait', why: 'waits for restore 1: both may write to any namespace' }]],
  )
})

test('a restore without its backup goes at once and blocks nobody; one that is deleted or has ended has no turn', () => {
  const lost: AskedRestore = { ...asked('1', ['a']), backup: undefined }
  const deleted = asked('2', ['a'])
  const gone = {
    ...deleted.restore,
    metadata: { ...deleted.restore.metadata, deletionTimestamp: '2026-01-02T00:00:00Z' },
  }
  const all = [lost, { ...deleted, restore: gone }, asked('3', ['a'], 'Completed'), asked('4', ['a'])]
  assert.deepEqual(
    [...restoreTurns(all, { concurrent: 1 })],
    [
      ['1', { do: 'start' }],
      ['4', { do: 'start' }],
    ],
  )
})
