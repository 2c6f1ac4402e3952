import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Backup, BackupPhase } from '#api/backup.ts'
import { coverage, isRestorable } from './coverage.ts'
import type { BackupFacts, ClusterFacts, StoreFacts } from './facts.ts'
import { severities } from './finding.ts'
import { findings } from './findings.ts'

const now = new Date('2026-03-01T12:00:00Z')
const DAY = 86_400_000

interface Wanted extends Partial<Omit<BackupFacts, 'record'>> {
  readonly phase?: BackupPhase
  readonly daysAgo?: number
  readonly status?: Backup['status']
}

function backup(name: string, { phase = 'Completed', daysAgo = 1, status, ...rest }: Wanted = {}): BackupFacts {
  const completionTimestamp = new Date(now.getTime() - daysAgo * DAY).toISOString()
  const metadata = { name, namespace: 'velero' }
  const full = { phase, completionTimestamp, ...status }
  return {
    name,
    record: { backup: { apiVersion: 'velero.io/v1', kind: 'Backup', metadata, spec: {}, status: full } },
    files: new Map([
      ['metadata', 10],
      ['contents', 100],
    ]),
    damaged: [],
    namespaces: ['shop'],
    secrets: 0,
    volumesWithoutData: [],
    verified: undefined,
    ...rest,
  }
}

const store = (...backups: BackupFacts[]): StoreFacts => ({
  place: 's3://b',
  backups,
  leftovers: [],
  strangers: [],
  protection: { versions: true, locks: 'used' },
})
const cluster = (facts: Partial<ClusterFacts> = {}): ClusterFacts => ({
  server: 'https://c',
  namespaces: ['shop'],
  unavailable: [],
  idleSchedules: [],
  schedules: 1,
  repositories: [],
  ...facts,
})

function found(stores: StoreFacts[], clusterFacts?: ClusterFacts): string[] {
  return findings({ stores, cluster: clusterFacts, now, maxAge: 7 * DAY }).map(
    ({ severity, problem, subject }) => `${severity} ${problem}: ${subject}`,
  )
}

test('nothing is found where all is well', () => {
  assert.deepEqual(found([store(backup('a'), backup('b'))], cluster()), [])
})

test('a store that lets go of what is deleted is noted, by what could be done about it', () => {
  const messages = [
    undefined,
    { versions: true, locks: 'possible' },
    { versions: undefined, locks: undefined },
    { versions: true, locks: 'none' },
    { versions: false, locks: 'none' },
  ].map((protection) => {
    const stores = [{ ...store(backup('a')), protection: protection as StoreFacts['protection'] }]
    const [one, ...more] = findings({ stores, now, maxAge: 7 * DAY })
    assert.deepEqual([one?.problem, one?.severity, more.length], ['not-locked', 'note', 0])
    return one?.message ?? ''
  })
  const expected = [
    /^a directory keeps no versions/,
    /could lock/,
    /nobody may know/,
    /but keeps older/,
    /nor does it keep/,
  ]
  for (const [index, words] of expected.entries()) assert.match(messages[index] ?? '', words)
})

test('a backup that cannot be restored is critical, whatever the reason', () => {
  const files = new Map([['metadata', 10] as const])
  assert.deepEqual(
    found([
      store(
        backup('a', { files }),
        backup('b', { files: new Map([['contents', 0] as const]) }),
        backup('c', { damaged: [{ artifact: 'contents', why: 'cut short' }] }),
        { ...backup('d'), record: { damage: 'no JSON' } },
      ),
    ]),
    [
      'critical archive-missing: backup a',
      'critical archive-missing: backup b',
      'critical archive-damaged: backup c',
      'critical record-damaged: backup d',
    ],
  )
})

test('what is less than a whole backup is a warning, and what lies around a note', () => {
  const expired = { expiration: '2026-02-20T00:00:00Z' }
  const facts = {
    ...store(
      backup('a', { phase: 'PartiallyFailed' }),
      backup('b', { phase: 'Failed', files: new Map([['metadata', 1] as const]) }),
      backup('c', { phase: 'Finalizing' }),
      backup('d', { status: expired }),
      backup('e', { damaged: [{ artifact: 'logs', why: 'cut short' }] }),
    ),
    strangers: ['photos'],
    leftovers: [
      { folder: 'backups/old', modified: new Date(now.getTime() - 2 * DAY) },
      { folder: 'backups/new', modified: now },
    ],
  }
  assert.deepEqual(found([facts]), [
    'warning foreign-folder: folder photos/',
    'warning backup-partial: backup a',
    'warning backup-failed: backup b',
    'warning backup-unfinished: backup c',
    'warning file-damaged: backup e',
    'note leftover: folder backups/old',
    'note expired: backup d',
  ])
  assert.deepEqual(found([store()]), ['warning no-backup: store s3://b'])
})

test('Secrets and volumes without data are told once, with the newest good backup as example', () => {
  const [secrets, volumesWithoutData] = [3, ['shop/rows']]
  const told = findings({
    stores: [
      store(
        backup('old', { secrets, volumesWithoutData, daysAgo: 5 }),
        backup('new', { secrets, volumesWithoutData, daysAgo: 2 }),
        backup('failed', { secrets, volumesWithoutData, phase: 'Failed' }),
      ),
    ],
    now,
    maxAge: DAY,
  })
  const messages = told.filter(({ subject }) => subject.startsWith('store')).map(({ message }) => message)
  assert.deepEqual(messages, [
    'the data of shop/rows is not in backup new, and so it is in 1 other',
    'backup new holds 3 Secrets as plain text, and so it is in 1 other',
  ])
})

test('a namespace of the cluster needs a good backup that is not old; one that is gone needs none', () => {
  const stores = [store(backup('a', { namespaces: ['shop', 'gone'], daysAgo: 8 }))]
  assert.deepEqual(found(stores, cluster({ namespaces: ['shop', 'till'] })), [
    'critical namespace-without-backup: namespace till',
    'warning namespace-backup-old: namespace shop',
  ])
  assert.deepEqual(found([...stores, store(backup('b'))], cluster()), [])
})

test('locations that cannot be used and schedules that make nothing are told', () => {
  const facts = cluster({
    unavailable: [{ name: 'default', why: 'denied' }],
    idleSchedules: [{ name: 'nightly', why: 'it is paused' }],
  })
  assert.deepEqual(found([store(backup('a'))], facts), [
    'critical location-unavailable: location default',
    'warning schedule-idle: schedule nightly',
  ])
  assert.deepEqual(found([store(backup('a'))], cluster({ schedules: 0 })), ['note no-schedule: cluster'])
  const unreadable = { ...store(), unreadable: 'denied' }
  assert.deepEqual(found([unreadable]), ['critical store-unreadable: store s3://b'])
})

const phases: BackupPhase[] = ['Completed', 'PartiallyFailed', 'Failed', 'Finalizing', 'InProgress']
const anyBackup = fc
  .record({
    name: fc.constantFrom('a', 'b', 'c'),
    phase: fc.constantFrom(...phases),
    daysAgo: fc.integer({ min: 0, max: 30 }),
    namespaces: fc.option(fc.subarray(['shop', 'till', 'barn']), { nil: undefined }),
    size: fc.constantFrom(0, 100),
    damaged: fc.subarray([{ artifact: 'contents' as const, why: 'x' }]),
  })
  .map(({ name, size, ...rest }) => backup(name, { ...rest, files: new Map([['contents', size] as const]) }))

test('the last good backup is restorable, complete if there is a complete one, and the newest of those', () => {
  fc.assert(
    fc.property(fc.array(fc.array(anyBackup)), (all) => {
      const stores = all.map((backups) => store(...backups))
      const good = all.flat().filter(isRestorable)
      const covered = coverage(stores)
      assert.deepEqual(
        covered.map(({ namespace }) => namespace),
        [...new Set(good.flatMap(({ namespaces = [] }) => namespaces))].toSorted(),
      )
      for (const { namespace, completed, complete } of covered) {
        for (const other of good.filter(({ namespaces }) => namespaces?.includes(namespace))) {
          const { status } = 'backup' in other.record ? other.record.backup : assert.fail()
          const isComplete = status?.phase === 'Completed'
          assert.ok(complete || !isComplete)
          if (complete === isComplete) assert.ok(completed >= String(status?.completionTimestamp))
        }
      }
    }),
  )
})

test('the worst comes first, and every backup that ended and cannot be restored is among the findings', () => {
  fc.assert(
    fc.property(fc.array(anyBackup), (backups) => {
      const told = findings({ stores: [store(...backups)], cluster: cluster(), now, maxAge: DAY })
      const ranks = told.map(({ severity }) => severities.indexOf(severity))
      assert.deepEqual(ranks, ranks.toSorted())
      const subjects = new Set(told.filter(({ severity }) => severity !== 'note').map(({ subject }) => subject))
      for (const one of backups) if (!isRestorable(one)) assert.ok(subjects.has(`backup ${one.name}`))
    }),
  )
})
