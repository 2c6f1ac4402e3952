import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { backupPhases, type BackupPhase } from '#api/backup.ts'
import type { Schedule, ScheduleSpec, ScheduleStatus } from '#api/schedule.ts'
import { timestamp } from '#api/timestamp.ts'
import { scheduledName } from '#backup/from-schedule.ts'
import { nextTime, parseCron } from '#schedule/cron.ts'
import { extractOf, type BackupExtract } from './backup-ledger.ts'
import { nameTimes, runningBackup, scheduleStep, type ScheduleStep } from './schedule-step.ts'

const made = '2026-01-01T10:30:00Z'

function schedule(spec: Partial<ScheduleSpec> = {}, status?: ScheduleStatus, name = 'nightly'): Schedule {
  return {
    apiVersion: 'velero.io/v1',
    kind: 'Schedule',
    metadata: { name, namespace: 'velero', creationTimestamp: made },
    spec: { schedule: '0 1 * * *', template: {}, ...spec },
    ...(status === undefined ? {} : { status }),
  }
}

function at(now: string, one: Schedule, skipByDefault = false): ScheduleStep {
  return scheduleStep(one, { now: new Date(now), skipByDefault })
}

const start = (due: string): ScheduleStep => ({ do: 'start', due: new Date(due) })
const wait = (until: string): ScheduleStep => ({ do: 'wait', until: new Date(until) })

test('the first backup comes at the next time after the schedule was made, not at once', () => {
  assert.deepEqual(at('2026-01-01T10:30:01Z', schedule()), wait('2026-01-02T01:00:00Z'))
  assert.deepEqual(at('2026-01-02T00:59:59Z', schedule()), wait('2026-01-02T01:00:00Z'))
  assert.deepEqual(at('2026-01-02T01:00:00Z', schedule()), start('2026-01-02T01:00:00Z'))
  assert.deepEqual(at('2026-01-01T16:29:59Z', schedule({ schedule: '@every 6h' })), wait('2026-01-01T16:30:00Z'))
})

test('after a backup the next time counts from when it was asked for', () => {
  const done = schedule({}, { lastBackup: '2026-01-02T01:00:07Z' })
  assert.deepEqual(at('2026-01-02T01:00:08Z', done), wait('2026-01-03T01:00:00Z'))
  assert.deepEqual(at('2026-01-03T01:00:00Z', done), start('2026-01-03T01:00:00Z'))
})

test('of the times that were missed only the last one is made up for', () => {
  const left = schedule({ schedule: '@hourly' }, { lastBackup: '2026-01-02T01:00:07Z' })
  assert.deepEqual(at('2026-01-04T17:20:00Z', left), start('2026-01-04T17:00:00Z'))
  const every = schedule({ schedule: '@every 7m' }, { lastBackup: '2026-01-02T01:00:00Z' })
  assert.deepEqual(at('2026-01-02T01:30:00Z', every), start('2026-01-02T01:28:00Z'))
})

test('a paused schedule rests, but is told what is wrong with it', () => {
  assert.deepEqual(at('2026-02-01T00:00:00Z', schedule({ paused: true })), { do: 'rest' })
  assert.deepEqual(at('2026-02-01T00:00:00Z', schedule({ paused: true, skipImmediately: true })), { do: 'rest' })
  assert.equal(at('2026-02-01T00:00:00Z', schedule({ paused: true, schedule: 'nonsense' })).do, 'refuse')
})

test('what is due is left out once when the schedule says so, or the server when the schedule says nothing', () => {
  const late = '2026-02-01T12:00:00Z'
  assert.deepEqual(at(late, schedule({ skipImmediately: true })), { do: 'skip' })
  assert.deepEqual(at(late, schedule(), true), { do: 'skip' })
  assert.deepEqual(at(late, schedule({ skipImmediately: false }), true), start('2026-02-01T01:00:00Z'))
  const skipped = schedule({ skipImmediately: false }, { lastBackup: '2026-01-05T01:00:00Z', lastSkipped: late })
  assert.deepEqual(at(late, skipped, true), wait('2026-02-02T01:00:00Z'))
})

test('a cron that cannot be read, and a name that leaves no room for the time, are refused with the reason', () => {
  const wrong = at(made, schedule({ schedule: '61 * * * *' }))
  assert.deepEqual(wrong, { do: 'refuse', problems: ['invalid schedule: "61" is no minute: it goes from 0 to 59'] })
  assert.equal(at(made, schedule({}, undefined, 'n'.repeat(238))).do, 'wait')
  assert.deepEqual(at(made, schedule({}, undefined, 'n'.repeat(239))), {
    do: 'refuse',
    problems: ['the name has 239 characters: 238 leave room for the time'],
  })
})

test('a last backup from the far future, left by a clock that was wrong, does not hold the schedule up', () => {
  const now = '2026-01-03T12:00:00Z'
  assert.deepEqual(at(now, schedule({}, { lastBackup: '2031-01-01T00:00:00Z' })), start('2026-01-03T01:00:00Z'))
  // That of another server whose clock is a little ahead does.
  const ahead = schedule({ schedule: '@hourly' }, { lastBackup: '2026-01-03T12:03:00Z' })
  assert.deepEqual(at(now, ahead), wait('2026-01-03T13:00:00Z'))
})

function backup(phase: BackupPhase | undefined, metadata: object = {}): BackupExtract {
  const labels = { 'velero.io/schedule-name': 'nightly' }
  const object = { metadata: { name: 'b', labels, ...metadata }, spec: {} }
  return extractOf(phase === undefined ? object : { ...object, status: { phase } })
}

test('a backup that has not ended holds up the next, also in the queue; one that only waits for operations does not', () => {
  const holding = ['New', 'Queued', 'ReadyToStart', 'InProgress']
  for (const phase of backupPhases) {
    const backups = [backup('Completed'), backup(phase)]
    assert.equal(runningBackup('nightly', backups) !== undefined, holding.includes(phase), phase)
    assert.equal(runningBackup('hourly', backups), undefined)
    assert.equal(runningBackup('nightly', [backup(phase, { deletionTimestamp: made })]), undefined)
  }
  assert.notEqual(runningBackup('nightly', [backup(undefined)]), undefined)
})

const cronText = fc.oneof(
  fc.constantFrom('* * * * *', '*/5 * * * *', '@hourly', '7,40 */3 * * *', 'CRON_TZ=Europe/Berlin 30 2 * * *'),
  fc.integer({ min: 60, max: 20_000 }).map((seconds) => `@every ${seconds}s`),
)
/** Looks of servers whose clocks differ, some of which die between the Backup and the note that it was made. */
const looks = fc.array(
  fc.record({
    minutes: fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 400 })),
    skewSeconds: fc.integer({ min: -120, max: 120 }),
    dies: fc.boolean(),
  }),
  { maxLength: 40 },
)

test('property: with skewed clocks and dying servers no time gets two backups, none comes early, none is forgotten', () => {
  fc.assert(
    fc.property(cronText, looks, (text, sequence) => {
      const cron = parseCron(text)
      const found = new Map<string, Date>()
      let status: ScheduleStatus = {}
      // A week with a change of clocks in it.
      const created = Date.parse('2026-03-26T10:00:00Z')
      const one = (): Schedule => {
        const { metadata, ...rest } = schedule({ schedule: text }, status)
        return { ...rest, metadata: { ...metadata, creationTimestamp: timestamp(new Date(created)) } }
      }
      let time = created
      let latest = created
      for (const { minutes, skewSeconds, dies } of sequence) {
        time += minutes * 60_000
        const now = new Date(time + skewSeconds * 1000)
        latest = Math.max(latest, now.getTime())
        const step = scheduleStep(one(), { now, skipByDefault: false })
        if (step.do === 'start') {
          const { due } = step
          assert.ok(due <= now && due.getTime() > created)
          if (cron.kind === 'calendar') assert.deepEqual(nextTime(cron, new Date(due.getTime() - 1000)), due)
          found.set(scheduledName('nightly', due), due)
          if (dies) continue
          status = { lastBackup: timestamp(now) }
          assert.equal(scheduleStep(one(), { now, skipByDefault: false }).do, 'wait', 'twice for one time')
        } else {
          assert.equal(step.do, 'wait')
        }
        const next = nextTime(cron, new Date(Math.max(created, Date.parse(String(status.lastBackup ?? '')) || 0)))
        assert.ok(next !== undefined && next > now, 'something that is due was forgotten')
      }
      const times = [...found.values()].map(Number)
      assert.equal(new Set(times).size, times.length)
      let possible = 0
      for (let next = nextTime(cron, new Date(created)); next !== undefined && next.getTime() <= latest; possible += 1)
        next = nextTime(cron, next)
      if (cron.kind === 'calendar') assert.ok(times.length <= possible)
    }),
    { numRuns: 150 },
  )
})

test('property: a backup has sixty names to choose from, all of its minute, in an order of the cluster’s own', () => {
  const time = fc.date({ min: new Date('2020-01-01'), max: new Date('2040-01-01'), noInvalidDate: true })
  fc.assert(
    fc.property(time, fc.uuid(), (due, cluster) => {
      const times = nameTimes('nightly', due, cluster)
      assert.equal(new Set(times.map(Number)).size, 60)
      const minute = due.toISOString().slice(0, 16)
      assert.ok(times.every((one) => one.toISOString().startsWith(minute) && one.getUTCMilliseconds() === 0))
      assert.deepEqual(nameTimes('nightly', due, cluster), times)
    }),
  )
  // Of two clusters that are due at the same time one in sixty nights is to blame for the same name.
  const due = Array.from({ length: 600 }, (_, day) => new Date(Date.UTC(2026, 0, day, 3)))
  const same = due.filter((at) => Number(nameTimes('n', at, 'c1')[0]) === Number(nameTimes('n', at, 'c2')[0]))
  assert.ok(same.length < 30, `${same.length} of 600`)
})

test('without knowing its cluster a server names a backup by the second in which it was due', () => {
  const due = new Date('2026-01-01T03:00:07Z')
  assert.deepEqual(nameTimes('nightly', due, undefined).slice(0, 2), [due, new Date('2026-01-01T03:00:08Z')])
})
