import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { backupPhases, type Backup, type BackupPhase } from '#api/backup.ts'
import { labelValue } from '#api/labels.ts'
import type { Schedule } from '#api/schedule.ts'
import { planAll, type PlannedBackup } from './retention-plan.ts'

const now = new Date('2026-11-28T12:00:00Z')
const apiVersion = 'velero.io/v1'

interface Parts {
  readonly phase?: BackupPhase
  readonly expiration?: string
  readonly label?: string
  readonly retention?: string
  readonly taken?: string
  /** The cluster in which a schedule made it; null for none. */
  readonly cluster?: string | null
  readonly metadata?: object
}

const cluster = 'c1'

/** A backup that the schedule `tide` made, already expired unless said otherwise. */
function backup(name: string, parts: Parts = {}): Backup {
  const { phase = 'Completed', expiration = '2026-11-01T00:00:00Z', label = 'tide', retention, taken } = parts
  const [, y, m, d, h, min, s] = /-(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$/.exec(name) ?? []
  const startTimestamp = taken ?? (y === undefined ? '2026-11-20T00:00:00Z' : `${y}-${m}-${d}T${h}:${min}:${s}Z`)
  const made = parts.cluster === undefined ? cluster : parts.cluster
  const annotations = {
    ...(retention === undefined ? {} : { 'lifeboat.dev/retention': retention }),
    ...(made === null ? {} : { 'lifeboat.dev/scheduled-in': made }),
  }
  const metadata = { name, labels: { 'velero.io/schedule-name': label }, annotations, ...parts.metadata }
  return { apiVersion, kind: 'Backup', metadata, spec: {}, status: { phase, expiration, startTimestamp } }
}

function schedule(retention?: string, cron = '@daily'): Schedule {
  const annotations = retention === undefined ? {} : { 'lifeboat.dev/retention': retention }
  const metadata = { name: 'tide', annotations }
  return { apiVersion, kind: 'Schedule', metadata, spec: { schedule: cron, template: {} } }
}

/** `name: verdict` of each. */
function verdicts(planned: readonly PlannedBackup[]): Record<string, string> {
  return Object.fromEntries(
    planned.map(({ backup: { metadata }, verdict }) => {
      switch (verdict.do) {
        case 'keep':
          return [metadata.name, `keep ${verdict.reasons.map(({ rule }) => rule).join()}`]
        case 'remove':
          return [metadata.name, `remove ${verdict.because}`]
        case 'wait':
          return [metadata.name, `wait ${verdict.until}`]
      }
    }),
  )
}

const [older, newer] = ['tide-20261126000000', 'tide-20261127000000']

test('without rules a backup goes when its time to live is over', () => {
  const planned = planAll([backup(older), backup(newer, { expiration: '2026-12-01T00:00:00Z' })], {
    schedules: [schedule()],
    cluster,
    now,
  })
  assert.deepEqual(verdicts(planned), { [older]: 'remove expired', [newer]: 'wait expired' })
})

test('a backup expires at the second that its status names, and never without one', () => {
  const at = (expiration: string | undefined): string => {
    const { status, ...rest } = backup(newer)
    const one = { ...rest, status: { ...status, expiration } }
    return Object.values(verdicts(planAll([one], { schedules: [], cluster, now }))).join()
  }
  assert.equal(at('2026-11-28T12:00:00Z'), 'remove expired')
  assert.equal(at('2026-11-28T12:00:01Z'), 'wait expired')
  assert.equal(at(undefined), 'wait expired')
})

test('rules of the schedule stand instead of the time to live, both ways', () => {
  const backups = [backup(older, { expiration: '2027-01-01T00:00:00Z' }), backup(newer)]
  assert.deepEqual(verdicts(planAll(backups, { schedules: [schedule('daily=1')], cluster, now })), {
    [older]: 'remove no-rule',
    [newer]: 'keep daily,newest,newest-complete',
  })
})

test('rules concern what can be restored; the rest goes by its time to live, or waits for its end', () => {
  const other = (phase: BackupPhase, expiration?: string): Record<string, string> => {
    const name = 'tide-20261128000000'
    const one = backup(name, { phase, ...(expiration === undefined ? {} : { expiration }) })
    return verdicts(planAll([one, backup(newer)], { schedules: [schedule('daily=1')], cluster, now }))
  }
  assert.equal(other('PartiallyFailed')['tide-20261128000000'], 'keep daily,newest')
  assert.equal(other('Failed')['tide-20261128000000'], 'remove expired')
  assert.equal(other('FailedValidation', '2026-12-01T00:00:00Z')['tide-20261128000000'], 'wait expired')
  assert.equal(other('InProgress', '2026-12-01T00:00:00Z')['tide-20261128000000'], 'wait ended')
  assert.equal(other('Deleting', '2026-12-01T00:00:00Z')['tide-20261128000000'], 'remove deleting')
  assert.equal(other('Failed')[newer], 'keep daily,newest,newest-complete')
})

test('a backup from the future does not count, nor one that is going already', () => {
  const backups = [
    backup(newer),
    backup('tide-20271128000000', { expiration: '2027-12-01T00:00:00Z' }),
    backup(older, {
      metadata: { name: older, deletionTimestamp: now.toISOString() },
      expiration: '2026-12-01T00:00:00Z',
    }),
  ]
  const planned = verdicts(planAll(backups, { schedules: [schedule('last=1')], cluster, now }))
  assert.equal(planned[newer], 'keep last,newest,newest-complete')
  assert.equal(planned['tide-20271128000000'], 'wait expired')
})

test('rules that cannot be read keep everything', () => {
  const backups = [backup(older), backup(newer, { phase: 'Failed' })]
  for (const rules of ['daily=no', '']) {
    assert.deepEqual(verdicts(planAll(backups, { schedules: [schedule(rules)], cluster, now })), {
      [older]: 'wait rules-valid',
      [newer]: 'wait rules-valid',
    })
  }
})

test('when the schedule is gone, the rules that its newest backup took over hold on', () => {
  const backups = [backup(older, { retention: 'last=9' }), backup(newer, { retention: 'last=1' })]
  assert.deepEqual(verdicts(planAll(backups, { schedules: [], cluster, now })), {
    [older]: 'remove no-rule',
    [newer]: 'keep last,newest,newest-complete',
  })
  // Taken from the schedule on purpose, the rules are gone.
  assert.deepEqual(verdicts(planAll(backups, { schedules: [schedule()], cluster, now })), {
    [older]: 'remove expired',
    [newer]: 'remove expired',
  })
})

test('rules judge only what a schedule made here by the clock', () => {
  const backups = [
    backup('by-hand', { cluster: null, retention: 'last=1' }),
    backup('of-another-schedule', { label: 'ebb' }),
    backup('elsewhere', { cluster: 'c2', retention: 'last=1' }),
    backup('elsewhere-without-rules', { cluster: 'c2' }),
    backup(older),
    backup(newer),
  ]
  assert.deepEqual(verdicts(planAll(backups, { schedules: [schedule('last=1')], cluster, now })), {
    'by-hand': 'remove expired',
    'of-another-schedule': 'remove expired',
    elsewhere: 'wait its-cluster',
    'elsewhere-without-rules': 'remove expired',
    [older]: 'remove no-rule',
    [newer]: 'keep last,newest,newest-complete',
  })
})

test('a server that does not know its cluster gives up nothing that rules may keep', () => {
  const backups = [backup(older, { retention: 'last=1' }), backup(newer, { retention: 'last=1' })]
  const planned = planAll(backups, { schedules: [schedule('last=1')], cluster: undefined, now })
  assert.deepEqual(verdicts(planned), { [older]: 'wait its-cluster', [newer]: 'wait its-cluster' })
})

test('the label of a schedule with a long name is the shortened one', () => {
  const name = 'n'.repeat(80)
  const schedules = [{ ...schedule('last=1'), metadata: { ...schedule('last=1').metadata, name } }]
  const labelled = (label: string): string =>
    Object.values(verdicts(planAll([backup(`${name}-20261127000000`, { label })], { schedules, cluster, now }))).join()
  assert.equal(labelled(labelValue(name)), 'keep last,newest,newest-complete')
  assert.equal(labelled(labelValue(`${name}m`)), 'remove expired')
})

const phase = fc.constantFrom(...backupPhases)
const many = fc.uniqueArray(fc.record({ hours: fc.nat({ max: 20_000 }), phase }), {
  selector: ({ hours }) => hours,
  minLength: 1,
  maxLength: 40,
})

test('property: each backup gets one verdict, and of a schedule with rules the newest complete one never goes', () => {
  const rules = fc.constantFrom('last=1', 'hourly=2,daily=2', 'yearly=1', 'weekly=3,monthly=2', 'nonsense')
  fc.assert(
    fc.property(many, rules, (some, text) => {
      const backups = some.map((one) => {
        const taken = new Date(now.getTime() - one.hours * 3_600_000).toISOString()
        return backup(`tide-${taken.replaceAll(/\D/g, '').slice(0, 14)}`, { phase: one.phase, taken })
      })
      const planned = planAll(backups, { schedules: [schedule(text, 'CRON_TZ=America/New_York @daily')], cluster, now })
      assert.deepEqual(new Set(planned.map((one) => one.backup)), new Set(backups))
      assert.equal(planned.length, backups.length)
      const complete = planned
        .filter((one) => one.backup.status?.phase === 'Completed')
        .toSorted((a, b) =>
          String(a.backup.status?.startTimestamp) < String(b.backup.status?.startTimestamp) ? 1 : -1,
        )
      if (complete[0] !== undefined) assert.notEqual(complete[0].verdict.do, 'remove')
    }),
  )
})
