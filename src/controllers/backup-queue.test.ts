import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Backup, BackupStatus } from '#api/backup.ts'
import type { KubeObject } from '#kube/object.ts'
import { extractOf } from './backup-ledger.ts'
import { positionAt, queueStep as stepOf, type QueueChange, type QueueFacts } from './backup-queue.ts'

const names = ['a', 'b', 'c', 'd']
const namespaces: KubeObject[] = names.map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }))

function backup(name: string, includedNamespaces: string[], status?: BackupStatus): Backup {
  const creationTimestamp = `2026-01-01T00:00:${name.padStart(2, '0')}Z`
  return {
    apiVersion: 'velero.io/v1',
    kind: 'Backup',
    metadata: { name, creationTimestamp },
    spec: { includedNamespaces },
    ...(status === undefined ? {} : { status }),
  }
}

const queueStep = (backups: readonly Backup[], facts: QueueFacts): QueueChange[] =>
  stepOf(backups.map(extractOf), facts)

/** The same backups after the changes were written. */
function after(backups: readonly Backup[], changes: readonly QueueChange[]): Backup[] {
  const byName = new Map(changes.map((change) => [change.name, change]))
  return backups.map((one) => {
    const change = byName.get(one.metadata.name)
    if (change === undefined) return one
    return { ...one, status: { ...one.status, phase: change.phase, queuePosition: change.queuePosition } }
  })
}

const phaseOf = (backups: readonly Backup[]): string[] =>
  backups.map(({ metadata, status }) => `${metadata.name} ${status?.phase} ${status?.queuePosition}`)

const claims = fc.subarray(names, { minLength: 1 })
const busy = (one: Backup): boolean => one.status?.phase === 'ReadyToStart' || one.status?.phase === 'InProgress'

test('never more than allowed run, never two on one namespace, positions are dense, and everybody gets a turn', () => {
  const scenario = fc.record({
    claims: fc.array(claims, { minLength: 1, maxLength: 8 }),
    concurrent: fc.integer({ min: 1, max: 3 }),
    ends: fc.infiniteStream(fc.nat(7)),
  })
  fc.assert(
    fc.property(scenario, ({ claims, concurrent, ends }) => {
      let backups = claims.map((included, i) => backup(String(i), included))
      const started: string[] = []
      for (let step = 0; backups.length > 0; step += 1) {
        assert.ok(step <= claims.length, 'somebody starves')
        backups = after(backups, queueStep(backups, { namespaces, concurrent }))
        assert.deepEqual(queueStep(backups, { namespaces, concurrent }), [], 'a second look changes nothing')
        const running = backups.filter(busy)
        assert.ok(running.length >= 1 && running.length <= concurrent)
        const taken = running.flatMap((one) => one.spec.includedNamespaces ?? [])
        assert.equal(new Set(taken).size, taken.length, 'two run on one namespace')
        const positions = backups.filter((one) => !busy(one)).map((one) => one.status?.queuePosition)
        assert.deepEqual(
          positions.toSorted((a = 0, b = 0) => a - b),
          Array.from(positions, (_, i) => positionAt(i + 1)),
        )
        const ended = running[(ends.next().value ?? 0) % running.length]
        started.push(ended?.metadata.name ?? '')
        backups = backups.filter((one) => one !== ended)
      }
      assert.equal(new Set(started).size, claims.length)
    }),
  )
})

test('a backup waits for those ahead on its namespaces, and is overtaken by one that is free', () => {
  const backups = [
    backup('1', ['a'], { phase: 'InProgress' }),
    backup('2', ['a', 'b'], { phase: 'Queued', queuePosition: 1 }),
    backup('3', ['b']),
    backup('4', ['c']),
  ]
  const changes = queueStep(backups, { namespaces, concurrent: 2 })
  assert.deepEqual(phaseOf(after(backups, changes)), [
    '1 InProgress undefined',
    '2 Queued 1',
    '3 Queued 2',
    '4 ReadyToStart 0',
  ])
})

test('a place that gets free goes to the first, and the others move up', () => {
  const backups = [
    backup('9', ['c'], { phase: 'Queued', queuePosition: 3 }),
    backup('2', ['a'], { phase: 'Queued', queuePosition: 1 }),
    backup('3', ['b'], { phase: 'Queued', queuePosition: 2 }),
    backup('1', ['d'], { phase: 'Finalizing' }),
  ]
  const changes = queueStep(backups, { namespaces, concurrent: 1 })
  assert.deepEqual(phaseOf(after(backups, changes)), [
    '9 Queued 2',
    '2 ReadyToStart 0',
    '3 Queued 1',
    '1 Finalizing undefined',
  ])
})

test('in a long queue a start writes to few, the order stays, and those ahead are exact', () => {
  let backups = Array.from({ length: 400 }, (_, i) => backup(`b${String(i).padStart(3, '0')}`, ['a']))
  let written = 0
  const started: string[] = []
  while (backups.length > 0) {
    const changes = queueStep(backups, { namespaces, concurrent: 1 })
    written += changes.length
    backups = after(backups, changes)
    assert.deepEqual(queueStep(backups, { namespaces, concurrent: 1 }), [], 'a second look changes nothing')
    started.push(...backups.filter(busy).map(({ metadata }) => metadata.name))
    backups = backups.filter((one) => !busy(one))
    for (const [index, { status }] of backups.entries()) assert.equal(status?.queuePosition, positionAt(index + 1))
  }
  assert.deepEqual(started, started.toSorted())
  assert.ok(written < 400 * 12, `${written} writes`)
})

test('positions are exact for the first five and less than twice too high behind them, and never fall', () => {
  for (let place = 1; place < 20_000; place += 1) {
    const position = positionAt(place)
    assert.ok(place <= 5 ? position === place : position >= place && position < place * 2, `${position} at ${place}`)
    assert.ok(position <= positionAt(place + 1))
  }
})

test('a newcomer stands behind everybody who shares its position', () => {
  const queued = Array.from({ length: 21 }, (_, i) =>
    backup(`q${String(i).padStart(2, '0')}`, ['a'], { phase: 'Queued', queuePosition: positionAt(i + 1) }),
  )
  const backups = [backup('r', ['a'], { phase: 'InProgress' }), ...queued, backup('z', ['a'])]
  const now = after(backups, queueStep(backups, { namespaces, concurrent: 1 }))
  assert.deepEqual(
    now.slice(-2).map(({ status }) => status?.queuePosition),
    [40, 40],
  )
  assert.deepEqual(queueStep(now, { namespaces, concurrent: 1 }), [])
})

test('a backup whose patterns are no patterns blocks nobody, and one that is being deleted has no place', () => {
  const backups = [
    backup('1', ['a|b'], { phase: 'InProgress' }),
    { ...backup('2', ['a']), metadata: { name: '2', deletionTimestamp: '2026-01-01T00:00:00Z' } },
    backup('3', ['*']),
  ]
  assert.deepEqual(queueStep(backups, { namespaces, concurrent: 2 }), [
    { name: '3', phase: 'ReadyToStart', queuePosition: 0 },
  ])
})

test('a backup in progress that does nothing for now takes up no place and holds up nobody', () => {
  const backups = [backup('1', ['a'], { phase: 'InProgress' }), backup('2', ['a'])]
  assert.deepEqual(queueStep(backups, { namespaces, concurrent: 1, resting: new Set(['1']) }), [
    { name: '2', phase: 'ReadyToStart', queuePosition: 0 },
  ])
})
