import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import fc from 'fast-check'
import { latestTime, nextTime, parseCron, type Cron } from './cron.ts'
import { openTimeZone } from './time-zone.ts'

const golden = new URL('../../test/compat/golden/cron.json', import.meta.url)
const recorded = JSON.parse(readFileSync(golden, 'utf8')) as { cron: string; from?: string; next?: string[] }[]

const MINUTE = 60_000
const HOUR = 60 * MINUTE

/** The next few times, as texts. */
function times(text: string, from: string, count = 4): string[] {
  const cron = parseCron(text)
  const found: string[] = []
  for (let at: Date | undefined = new Date(from); found.length < count;) {
    at = nextTime(cron, at)
    if (at === undefined) break
    found.push(at.toISOString().replace('.000Z', 'Z'))
  }
  return found
}

test('expressions mean what they mean to the cron library of Velero, and what it refuses is refused', () => {
  assert.ok(recorded.length > 150)
  for (const { cron, from, next } of recorded) {
    if (from === undefined || next === undefined) {
      assert.throws(() => parseCron(cron), { name: 'ScheduleError', problem: 'invalid-cron' }, cron)
    } else {
      assert.deepEqual(times(cron, from), next, `${cron} from ${from}`)
    }
  }
})

test('a refusal names the part that is wrong and what would be right', () => {
  for (const [text, reason] of [
    ['0 25 * * *', /"25" is no hour: it goes from 0 to 23/],
    ['0 0 * * 7', /"7" is no day of week: it goes from 0 to 6, or sun to sat/],
    ['0 0 * *', /has 4 fields, but five are needed: minute hour day-of-month month day-of-week/],
    ['@nightly', /"@nightly" is not known: use five fields or one of @yearly, .*@every DURATION/],
    ['@every night', /write the duration like 90m, 6h or 24h/],
    ['CRON_TZ=Mars/Base 0 0 * * *', /"Mars\/Base" is no time zone: write its IANA name/],
    // Velero would take these for due at every look.
    ['0 0 30 2 *', /"0 0 30 2 \*" never comes/],
    ['0 0 31 apr,jun *', /never comes/],
  ] as const) {
    assert.throws(() => parseCron(text), { problem: 'invalid-cron', message: reason }, text)
  }
})

test('what is due once a day happens on the day when clocks are put forward over it, as soon as they were', () => {
  assert.deepEqual(times('CRON_TZ=Europe/Berlin 30 2 * * *', '2026-03-28T12:00:00Z', 2), [
    '2026-03-29T01:00:00Z',
    '2026-03-30T00:30:00Z',
  ])
  // Here it is midnight that is left out.
  assert.deepEqual(times('CRON_TZ=Asia/Beirut @daily', '2026-03-28T12:00:00Z', 2), [
    '2026-03-28T22:00:00Z',
    '2026-03-29T21:00:00Z',
  ])
})

test('what is due once a day happens once on the day when clocks are put back over it', () => {
  assert.deepEqual(times('CRON_TZ=Europe/Berlin 30 2 * * *', '2026-10-24T12:00:00Z', 2), [
    '2026-10-25T00:30:00Z',
    '2026-10-26T01:30:00Z',
  ])
})

test('what is due each hour follows the time that passes, whatever the clocks do', () => {
  assert.deepEqual(times('CRON_TZ=Europe/Berlin @hourly', '2026-10-24T23:30:00Z'), [
    '2026-10-25T00:00:00Z',
    '2026-10-25T01:00:00Z',
    '2026-10-25T02:00:00Z',
    '2026-10-25T03:00:00Z',
  ])
  assert.deepEqual(times('CRON_TZ=Europe/Berlin 15,45 * * * *', '2026-03-29T00:30:00Z', 3), [
    '2026-03-29T00:45:00Z',
    '2026-03-29T01:15:00Z',
    '2026-03-29T01:45:00Z',
  ])
})

const zoneName = fc.constantFrom(
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
  'Africa/Casablanca',
  'Pacific/Apia',
  'America/Santiago',
  'UTC',
)
const instant = fc.date({ min: new Date('2010-01-01'), max: new Date('2035-01-01'), noInvalidDate: true })

/** An instant near one at which a clock in `zone` shifts, if it has any in the year after `from`. */
function nearShift(zone: string, from: Date): Date {
  const clocks = openTimeZone(zone) ?? assert.fail()
  const shift = (at: number): number => clocks.wallAt(at) - at
  let at = from.getTime()
  for (let day = 0; day < 366 && shift(at) === shift(at + 24 * HOUR); day += 1) at += 24 * HOUR
  return new Date(at)
}

test('property: once a day stays once for every day of the calendar, and in the order of the days', () => {
  const day = fc.record({ zoneName, from: instant, hour: fc.nat({ max: 23 }), minute: fc.nat({ max: 59 }) })
  fc.assert(
    fc.property(day, ({ zoneName: zone, from, hour, minute }) => {
      // Apia left out 30 December 2011: what was due on it is made up for as soon as the 31st begins, beside that day's own.
      fc.pre(zone !== 'Pacific/Apia' || from >= new Date('2012-01-01'))
      const clocks = openTimeZone(zone) ?? assert.fail()
      const cron = parseCron(`CRON_TZ=${zone} ${minute} ${hour} * * *`)
      let at = nearShift(zone, from)
      let before: number | undefined
      for (let i = 0; i < 4; i += 1) {
        at = nextTime(cron, at) ?? assert.fail('a day without a time')
        const shown = clocks.wallAt(at.getTime())
        const asked = Math.floor(shown / (24 * HOUR)) * 24 * HOUR + hour * HOUR + minute * MINUTE
        // Either the clock shows what was asked for, or it never did on that day.
        if (shown !== asked) assert.deepEqual(clocks.instantsOf(asked), [], `${zone} ${at.toISOString()}`)
        const today = Math.floor(shown / (24 * HOUR))
        // Apia left out a whole day in 2011.
        if (before !== undefined) assert.ok([1, 2].includes(today - before), `${zone}: ${today - before} days later`)
        before = today
      }
    }),
    { numRuns: 300 },
  )
})

test('property: what is due each hour is due at every minute at which the clock shows it, and at no other', () => {
  const minutes = fc.uniqueArray(fc.nat({ max: 59 }), { minLength: 1, maxLength: 4 })
  fc.assert(
    fc.property(zoneName, instant, minutes, (zone, from, due) => {
      const clocks = openTimeZone(zone) ?? assert.fail()
      const cron = parseCron(`TZ=${zone} ${due.join(',')} * * * *`)
      const start = nearShift(zone, from).getTime()
      const end = start + 30 * HOUR
      const expected: number[] = []
      for (let at = Math.floor(start / MINUTE + 1) * MINUTE; at <= end; at += MINUTE) {
        if (due.includes(new Date(clocks.wallAt(at)).getUTCMinutes())) expected.push(at)
      }
      const found: number[] = []
      for (let at = nextTime(cron, new Date(start)); at !== undefined && at.getTime() <= end; at = nextTime(cron, at)) {
        found.push(at.getTime())
      }
      assert.deepEqual(found, expected)
    }),
    { numRuns: 60 },
  )
})

const field = (least: number, most: number): fc.Arbitrary<string> =>
  fc.oneof(
    fc.constant('*'),
    fc.integer({ min: least, max: most }).map(String),
    fc.integer({ min: 1, max: 9 }).map((step) => `*/${step}`),
  )
const anyCron: fc.Arbitrary<Cron> = fc.oneof(
  fc
    .tuple(zoneName, field(0, 59), field(0, 23), field(1, 28), field(1, 12), field(0, 6))
    .map(([zone, ...fields]) => parseCron(`CRON_TZ=${zone} ${fields.join(' ')}`)),
  fc.integer({ min: 1, max: 100_000 }).map((seconds) => parseCron(`@every ${seconds}s`)),
)

test('property: the latest time lies between the two instants, and nothing is due between it and the second', () => {
  fc.assert(
    fc.property(anyCron, instant, fc.nat({ max: 40 * 24 * 60 }), (cron, after, minutes) => {
      const until = new Date(after.getTime() + minutes * MINUTE)
      const latest = latestTime(cron, { after, until })
      const first = nextTime(cron, after)
      if (latest === undefined) {
        assert.ok(first === undefined || first > until)
        return
      }
      assert.ok(first !== undefined && first <= latest && latest <= until)
      assert.ok((nextTime(cron, latest) ?? assert.fail()) > until)
    }),
    { numRuns: 200 },
  )
})

test('property: time only goes on, and a later start never gives an earlier time', () => {
  fc.assert(
    fc.property(anyCron, instant, fc.nat({ max: 10 * 24 * 60 }), (cron, early, minutes) => {
      const late = new Date(early.getTime() + minutes * MINUTE)
      const [first, second] = [nextTime(cron, early) ?? assert.fail(), nextTime(cron, late) ?? assert.fail()]
      assert.ok(first > early && second > late && second >= first)
    }),
    { numRuns: 200 },
  )
})
