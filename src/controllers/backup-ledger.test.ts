import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Backup, BackupPhase } from '#api/backup.ts'
import { backupLedger } from './backup-ledger.ts'

const backup = (name: string, rest: Partial<Backup> = {}): Backup => ({
  apiVersion: 'velero.io/v1',
  kind: 'Backup',
  metadata: { name, uid: `uid-of-${name}`, resourceVersion: '7' },
  spec: {},
  ...rest,
})

test('nobody is told what there is before all of it is known', async () => {
  const ledger = backupLedger()
  const { signal } = new AbortController()
  ledger.note(backup('a'))
  let told: string[] | undefined
  const asked = ledger.all({ signal }).then((all) => (told = all.map(({ name }) => name)))
  await new Promise(setImmediate)
  assert.equal(told, undefined)
  ledger.note(backup('b'))
  ledger.complete()
  await asked
  assert.deepEqual(told, ['a', 'b'])
  ledger.strike('a')
  assert.deepEqual(
    (await ledger.all({ signal })).map(({ name }) => name),
    ['b'],
  )
})

test('who waits is let go when the process ends', async () => {
  const stop = new AbortController()
  const asked = backupLedger().all({ signal: stop.signal })
  stop.abort(new Error('over'))
  await assert.rejects(asked, /over/)
})

test('an object that has hardly anything is noted all the same, and the newest word counts', async () => {
  const ledger = backupLedger()
  const { spec: _none, ...bare } = backup('a')
  ledger.note(bare as Backup)
  ledger.complete()
  const { signal } = new AbortController()
  const empty = {
    location: '',
    phase: undefined,
    completionTimestamp: undefined,
    schedule: '',
    importing: false,
    waits: true,
    queuePosition: 0,
    created: '',
    isBeingDeleted: false,
    scheduledIn: undefined,
    end: undefined,
  }
  const named = { name: 'a', uid: 'uid-of-a', resourceVersion: '7' }
  const told = async (): Promise<object[]> => (await ledger.all({ signal })).map((one) => ({ ...one, scope: {} }))
  assert.deepEqual(await told(), [{ ...named, ...empty, scope: {} }])
  const completionTimestamp = '2026-06-01T00:00:00Z'
  ledger.note({
    ...backup('a', { spec: { storageLocation: 'here' }, status: { phase: 'Completed', completionTimestamp } }),
    metadata: {
      name: 'a',
      labels: { 'velero.io/schedule-name': 'nightly' },
      annotations: { 'lifeboat.dev/importing': 'true' },
    },
  })
  const known = {
    location: 'here',
    phase: 'Completed',
    completionTimestamp,
    schedule: 'nightly',
    importing: true,
    waits: false,
    queuePosition: 0,
    created: '',
    isBeingDeleted: false,
    scheduledIn: undefined,
    end: { phase: 'Completed', ended: completionTimestamp, reason: '', told: {} },
  }
  assert.deepEqual(await told(), [{ name: 'a', uid: '', resourceVersion: '', ...known, scope: {} }])
})

test('backups that take the same share what says so', async () => {
  const ledger = backupLedger()
  const spec = (name: string): Partial<Backup> => ({ spec: { includedNamespaces: [name], ttl: '1h' } })
  for (const [name, namespace] of [
    ['a', 'shop'],
    ['b', 'shop'],
    ['c', 'bank'],
  ] as const)
    ledger.note(backup(name, spec(namespace)))
  ledger.complete()
  const { signal } = new AbortController()
  const [a, b, c] = (await ledger.all({ signal })).map(({ scope }) => scope)
  assert.equal(a, b)
  assert.deepEqual([a?.includedNamespaces, c?.includedNamespaces, a?.ttl], [['shop'], ['bank'], undefined])
})

test('what this process has written counts at once, and the watch that lags behind does not take it back', async () => {
  const ledger = backupLedger()
  ledger.complete()
  const { signal } = new AbortController()
  const told = async (): Promise<string[]> =>
    (await ledger.all({ signal })).map(({ name, phase }) => `${name} ${phase ?? 'New'}`)
  const at = (resourceVersion: string, phase: BackupPhase): Backup => ({
    ...backup('a', { status: { phase } }),
    metadata: { name: 'a', uid: 'u', resourceVersion },
  })
  ledger.note(at('9', 'Queued'))
  ledger.wrote(at('12', 'InProgress'))
  ledger.note(at('10', 'ReadyToStart'))
  assert.deepEqual(await told(), ['a InProgress'])
  ledger.note(at('13', 'Completed'))
  ledger.wrote(at('12', 'InProgress'))
  assert.deepEqual(await told(), ['a Completed'])
  // Another API server, restored from a backup of its own, counts anew.
  ledger.note(at('3', 'Queued'))
  assert.deepEqual(await told(), ['a Queued'])
  ledger.strike('a')
  ledger.wrote(at('4', 'Failed'))
  assert.deepEqual(await told(), [], 'deleted meanwhile')
})

test('what this process has made is known before the watch shows it', async () => {
  const ledger = backupLedger()
  ledger.complete()
  const { signal } = new AbortController()
  ledger.made(backup('a'))
  assert.deepEqual(
    (await ledger.all({ signal })).map(({ name }) => name),
    ['a'],
  )
  ledger.note(backup('a', { status: { phase: 'Completed' } }))
  ledger.made(backup('a'))
  assert.equal((await ledger.all({ signal }))[0]?.phase, 'Completed')
})
