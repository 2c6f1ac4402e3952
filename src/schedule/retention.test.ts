import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatRetention, parseRetention, periods, type RetentionRules } from './retention-rules.ts'
import { keepReasons, newestFirst, type Restorable } from './retention.ts'
import { forecast } from './retention-forecast.ts'
import { nextTime, parseCron } from './cron.ts'
import { openTimeZone, utc, type TimeZone } from './time-zone.ts'

const berlin = openTimeZone('Europe/Berlin') ?? assert.fail()

function taken(at: string, complete = true): Restorable {
  return { name: at, takenAt: new Date(at), complete }
}

/** `name: reasons` of what is kept, the newest first. */
function kept(backups: readonly Restorable[], rules: string, zone: TimeZone = utc): string[] {
  return [...keepReasons(backups, { rules: parseRetention(rules), zone })]
    .filter(([, reasons]) => reasons.length > 0)
    .map(([{ name }, reasons]) => {
      const words = reasons.map((reason) =>
        'period' in reason ? `${reason.rule} ${reason.period}` : 'nth' in reason ? `last ${reason.nth}` : reason.rule,
      )
      return `${name}: ${words.filter((word) => !word.startsWith('newest')).join(', ')}`
    })
}

test('rules are read and written alike', () => {
  const whole = 'keep-last=3,hourly=24,daily=7,weekly=4,monthly=12,yearly=3'
  const rules = { last: 3, hourly: 24, daily: 7, weekly: 4, monthly: 12, yearly: 3 }
  assert.deepEqual(parseRetention(whole), rules)
  assert.equal(formatRetention(rules), whole)
  assert.equal(formatRetention(parseRetention(' keep-daily=7 , last=0,weekly=04')), 'daily=7,weekly=4')
})

test('rules that make no sense are refused with the part that is wrong', () => {
  for (const [text, reason] of [
    ['', /"" is no rule/],
    ['daily', /"daily" is no rule/],
    ['daily=', /is no rule/],
    ['daily=-1', /"daily=-1" is no rule/],
    ['daily=7;weekly=4', /is no rule/],
    ['nightly=7', /"nightly=7" is no rule; write rules like keep-last=3/],
    ['daily=7,keep-daily=8', /daily is there twice/],
    ['daily=0,yearly=0', /it would keep nothing/],
    ['daily=1000000', /too many/],
    ['daily=1.5', /is no rule/],
    ['__proto__=1', /is no rule/],
  ] as const) {
    assert.throws(
      () => parseRetention(text),
      { name: 'ScheduleError', problem: 'invalid-retention', message: reason },
      text,
    )
  }
})

test('of each period the newest is kept, and says so', () => {
  const backups = [
    taken('2026-11-28T03:00:00Z'),
    taken('2026-11-28T01:00:00Z'),
    taken('2026-11-27T23:00:00Z'),
    taken('2026-11-22T12:00:00Z'),
    taken('2026-10-31T12:00:00Z'),
    taken('2026-10-01T12:00:00Z'),
    taken('2025-12-31T12:00:00Z'),
  ]
  assert.deepEqual(kept(backups, 'keep-last=2,daily=2,weekly=2,monthly=2,yearly=2'), [
    '2026-11-28T03:00:00Z: last 1, daily 2026-11-28, weekly 2026-W48, monthly 2026-11, yearly 2026',
    '2026-11-28T01:00:00Z: last 2',
    '2026-11-27T23:00:00Z: daily 2026-11-27',
    '2026-11-22T12:00:00Z: weekly 2026-W47',
    '2026-10-31T12:00:00Z: monthly 2026-10',
    '2025-12-31T12:00:00Z: yearly 2025',
  ])
})

test('periods without a backup count for nothing', () => {
  const backups = [taken('2026-11-28T03:00:00Z'), taken('2026-01-01T03:00:00Z'), taken('2019-06-01T03:00:00Z')]
  assert.equal(kept(backups, 'daily=3').length, 3)
})

test('days begin when the clocks of the schedule say so, and weeks belong to the year of their Thursday', () => {
  const [late, early] = [taken('2026-11-27T23:30:00Z'), taken('2026-11-27T22:30:00Z')]
  assert.equal(kept([late, early], 'daily=2').length, 1)
  assert.equal(kept([late, early], 'daily=2', berlin).length, 2)
  const weeks = ['2027-01-03T12:00:00Z', '2027-01-04T12:00:00Z', '2024-12-30T12:00:00Z', '2023-01-01T12:00:00Z']
  assert.deepEqual(
    kept(
      weeks.map((at) => taken(at)),
      'weekly=9',
    ).map((line) => line.slice(-8)),
    ['2027-W01', '2026-W53', '2025-W01', '2022-W52'],
  )
})

test('a complete backup stands for its period before one with errors, and the newest of all stays nevertheless', () => {
  const backups = [
    taken('2026-11-28T03:00:00Z', false),
    taken('2026-11-28T01:00:00Z'),
    taken('2026-11-27T03:00:00Z', false),
    taken('2026-11-27T01:00:00Z', false),
  ]
  const reasons = keepReasons(backups, { rules: parseRetention('daily=2'), zone: utc })
  assert.deepEqual(
    [...reasons.values()],
    [
      [{ rule: 'newest' }],
      [{ rule: 'daily', nth: 1, of: 2, period: '2026-11-28' }, { rule: 'newest-complete' }],
      [{ rule: 'daily', nth: 2, of: 2, period: '2026-11-27' }],
      [],
    ],
  )
})

test('the last complete backup stays, however old it is and however few are asked for', () => {
  const failing = Array.from({ length: 20 }, (_, i) =>
    taken(`2026-11-${10 + i > 28 ? 28 : 10 + (i % 18)}T0${i % 10}:00:00Z`, false),
  )
  const reasons = keepReasons([...failing, taken('2020-01-01T00:00:00Z')], {
    rules: parseRetention('last=1'),
    zone: utc,
  })
  const last = [...reasons].at(-1)
  assert.equal(last?.[0].name, '2020-01-01T00:00:00Z')
  assert.deepEqual(last?.[1], [{ rule: 'newest-complete' }])
})

const backupsArbitrary = fc
  .uniqueArray(fc.record({ hours: fc.nat({ max: 3 * 8766 }), complete: fc.boolean() }), {
    selector: ({ hours }) => hours,
    maxLength: 60,
  })
  .map((all) =>
    all.map(({ hours, complete }) => taken(new Date(Date.UTC(2024, 0, 1) + hours * 3_600_000).toISOString(), complete)),
  )
const few = fc.nat({ max: 6 })
const rulesArbitrary: fc.Arbitrary<RetentionRules> = fc
  .record({ last: few, hourly: few, daily: few, weekly: few, monthly: few, yearly: few })
  .filter((rules) => Object.values(rules).some((count) => count > 0))
const zoneArbitrary = fc.constantFrom(utc, berlin)

function survivors(backups: readonly Restorable[], rules: RetentionRules, zone: TimeZone): Restorable[] {
  const reasons = keepReasons(backups, { rules, zone })
  return [...reasons].filter(([, found]) => found.length > 0).map(([backup]) => backup)
}

test('property: every rule keeps as many as it says, or all periods there are, and the order of the list is nothing', () => {
  fc.assert(
    fc.property(backupsArbitrary, rulesArbitrary, zoneArbitrary, (backups, rules, zone) => {
      const reasons = keepReasons(backups, { rules, zone })
      assert.deepEqual(survivors(backups.toReversed(), rules, zone), survivors(backups, rules, zone))
      const all = [...reasons.values()].flat()
      assert.equal(all.filter(({ rule }) => rule === 'last').length, Math.min(rules.last, backups.length))
      for (const period of periods) {
        const given = all.filter(({ rule }) => rule === period)
        const everything = { ...rules, [period]: 1000 }
        const there = [...keepReasons(backups, { rules: everything, zone }).values()].flat()
        const possible = there.filter(({ rule }) => rule === period).length
        assert.equal(given.length, Math.min(rules[period], possible), period)
      }
    }),
  )
})

test('property: neither the newest nor the newest complete backup is ever given up', () => {
  fc.assert(
    fc.property(backupsArbitrary, rulesArbitrary, zoneArbitrary, (backups, rules, zone) => {
      const left = survivors(backups, rules, zone)
      const sorted = backups.toSorted(newestFirst)
      for (const needed of [sorted[0], sorted.find(({ complete }) => complete)])
        assert.ok(needed === undefined || left.includes(needed))
    }),
  )
})

test('property: more generous rules keep all that stricter ones keep', () => {
  fc.assert(
    fc.property(backupsArbitrary, rulesArbitrary, rulesArbitrary, (backups, rules, more) => {
      const generous = Object.fromEntries(
        Object.entries(rules).map(([name, count]) => [name, count + more[name as keyof RetentionRules]]),
      ) as RetentionRules
      const left = survivors(backups, generous, utc)
      for (const backup of survivors(backups, rules, utc)) assert.ok(left.includes(backup))
    }),
  )
})

test('property: giving up after every backup, or only in the end, leaves the same; a second time changes nothing', () => {
  fc.assert(
    fc.property(backupsArbitrary, rulesArbitrary, zoneArbitrary, (backups, rules, zone) => {
      let left: Restorable[] = []
      for (const backup of backups.toSorted(newestFirst).reverse()) left = survivors([...left, backup], rules, zone)
      const atOnce = survivors(backups, rules, zone)
      for (const backup of atOnce) assert.ok(left.includes(backup), 'given up too early')
      assert.deepEqual(survivors(left, rules, zone), atOnce)
      assert.deepEqual(survivors(atOnce, rules, zone), atOnce)
    }),
  )
})

test('property: with complete backups only, the rules keep what going back through time and counting new periods keeps', () => {
  fc.assert(
    fc.property(backupsArbitrary, rulesArbitrary, (some, rules) => {
      const backups = some.map((backup) => ({ ...backup, complete: true })).toSorted(newestFirst)
      const lengths = { hourly: 13, daily: 10, monthly: 7, yearly: 4 } as const
      const expected = new Set(backups.slice(0, rules.last))
      for (const [rule, length] of Object.entries(lengths)) {
        let [count, before] = [rules[rule as keyof typeof lengths], '']
        for (const backup of backups) {
          const period = backup.takenAt.toISOString().slice(0, length)
          if (count === 0 || period === before) continue
          expected.add(backup)
          before = period
          count -= 1
        }
      }
      // Days since a Monday.
      let [weeks, week] = [rules.weekly, Number.NaN]
      for (const backup of backups) {
        const number = Math.floor((backup.takenAt.getTime() - Date.UTC(2024, 0, 1)) / (7 * 86_400_000))
        if (weeks === 0 || number === week) continue
        expected.add(backup)
        week = number
        weeks -= 1
      }
      if (backups[0] !== undefined) expected.add(backups[0])
      assert.deepEqual(new Set(survivors(backups, rules, utc)), expected)
    }),
  )
})

test('property: what is forecast is what happens when time goes on', () => {
  const cron = parseCron('CRON_TZ=Europe/Berlin 0 */6 * * *')
  const now = new Date('2026-12-01T00:00:00Z')
  fc.assert(
    fc.property(backupsArbitrary, rulesArbitrary, fc.nat({ max: 60 }), (all, rules, steps) => {
      const backups = all.filter(({ takenAt }) => takenAt <= now)
      const { goes, until } = forecast(backups, { rules, cron, now })
      let left = survivors(backups, rules, cron.zone)
      let at = now
      for (let step = 0; step < steps; step += 1) {
        at = nextTime(cron, at) ?? assert.fail()
        left = survivors([...left, { name: at.toISOString(), takenAt: at, complete: true }], rules, cron.zone)
      }
      for (const backup of backups) {
        const goesAt = goes.get(backup.name) ?? until
        if (at <= until) assert.equal(left.includes(backup), goesAt > at, backup.name)
      }
    }),
    { numRuns: 5 },
  )
})
