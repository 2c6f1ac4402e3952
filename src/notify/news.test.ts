import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { notificationEvents } from '#api/notification.ts'
import { matchesName, newsFor, type EndedRun, type Interest, type KnownSchedule, type News } from './news.ts'

const HOUR = 3_600_000
const start = Date.parse('2026-01-01T00:00:00Z')
const at = (hour: number): Date => new Date(start + hour * HOUR)

const all: Interest = {
  events: new Set(notificationEvents),
  schedules: [],
  restores: true,
  noGoodBackupFor: undefined,
  repeatAfter: 24 * HOUR,
  since: at(0),
}

function run(hour: number, phase: EndedRun['phase'], rest: Partial<EndedRun> = {}): EndedRun {
  const schedule = rest.schedule ?? 'nightly'
  const name = `${schedule || 'own'}-${hour}`
  return { kind: 'Backup', name, schedule, phase, ended: at(hour), reason: '', told: undefined, ...rest }
}

function told(news: readonly News[]): string[] {
  return news.map((one) => `${one.event} ${'run' in one ? one.run.name : one.schedule}`)
}

function newsAt(hour: number, runs: EndedRun[], { interest = all, schedules = [] as KnownSchedule[] } = {}): string[] {
  return told(newsFor(interest, { runs, schedules, now: at(hour) }))
}

test('a schedule that fails is told of once, then again after a day, and when it is well again', () => {
  const first = run(1, 'Failed')
  assert.deepEqual(newsAt(1, [run(0, 'Completed'), first]), ['Failed nightly-1'])
  const known = { ...first, told: at(1) }
  assert.deepEqual(newsAt(2, [known]), [])
  assert.deepEqual(newsAt(2, [known, run(2, 'PartiallyFailed')]), [])
  assert.deepEqual(newsAt(26, [known, run(2, 'Failed'), run(25.5, 'Failed')]), ['Failed nightly-25.5'])
  assert.deepEqual(newsAt(3, [known, run(2, 'Failed'), run(3, 'Completed')]), ['Recovered nightly-3'])
  assert.deepEqual(newsAt(4, [known, run(3, 'Completed', { told: at(3) })]), [])
  assert.deepEqual(newsAt(5, [known, run(3, 'Completed', { told: at(3) }), run(4, 'Completed')]), [])
})

test('what goes well is no news, nor is what was over before anybody was interested', () => {
  assert.deepEqual(newsAt(2, [run(1, 'Completed'), run(2, 'Completed')]), [])
  assert.deepEqual(newsAt(2, [run(-1, 'Failed'), run(-2, 'Failed', { schedule: '' })]), [])
})

test('what no schedule made is told each, and restores if they are of interest', () => {
  const runs = [
    run(1, 'Failed', { schedule: '' }),
    run(2, 'PartiallyFailed', { schedule: '' }),
    run(3, 'FailedValidation', { schedule: '', kind: 'Restore', name: 'back' }),
    run(4, 'Completed', { schedule: '' }),
    run(5, 'Failed', { schedule: '', told: at(5) }),
  ]
  assert.deepEqual(newsAt(6, runs), ['Failed own-1', 'PartiallyFailed own-2', 'Failed back'])
  const interest = { ...all, restores: false, events: new Set(['Failed'] as const) }
  assert.deepEqual(newsAt(6, runs, { interest }), ['Failed own-1'])
})

test('only the schedules that are named count, by pattern', () => {
  const runs = [run(1, 'Failed'), run(1, 'Failed', { schedule: 'hourly' }), run(1, 'Failed', { schedule: '' })]
  assert.deepEqual(newsAt(1, runs, { interest: { ...all, schedules: ['night*'] } }), ['Failed nightly-1'])
  assert.ok(matchesName(['a.c', '*-db'], 'shop-db'))
  assert.ok(!matchesName(['a.c'], 'abc'))
})

test('a schedule without a good backup for too long is told of, again after a day, and when it has one', () => {
  const interest = { ...all, noGoodBackupFor: 26 * HOUR }
  const schedule = (toldOverdue?: Date): KnownSchedule => ({
    name: 'nightly',
    created: at(0),
    paused: false,
    toldOverdue,
  })
  const good = run(1, 'Completed')
  assert.deepEqual(newsAt(20, [good], { interest, schedules: [schedule()] }), [])
  assert.deepEqual(newsAt(28, [good], { interest, schedules: [schedule()] }), ['Overdue nightly'])
  assert.deepEqual(newsAt(27, [], { interest, schedules: [schedule()] }), ['Overdue nightly'])
  assert.deepEqual(newsAt(30, [good], { interest, schedules: [schedule(at(28))] }), [])
  assert.deepEqual(newsAt(53, [good], { interest, schedules: [schedule(at(28))] }), ['Overdue nightly'])
  const again = run(31, 'Completed')
  assert.deepEqual(newsAt(31, [good, again], { interest, schedules: [schedule(at(28))] }), ['Recovered nightly-31'])
  assert.deepEqual(newsAt(60, [good, { ...again, told: at(31) }], { interest, schedules: [schedule(at(28))] }), [
    'Overdue nightly',
  ])
  assert.deepEqual(newsAt(90, [], { interest, schedules: [{ ...schedule(), paused: true }] }), [])
})

test('who wants to hear of recoveries alone does', () => {
  const interest = { ...all, events: new Set(['Recovered'] as const) }
  assert.deepEqual(newsAt(1, [run(1, 'Failed')], { interest }), [])
  assert.deepEqual(newsAt(2, [run(1, 'Failed'), run(2, 'Completed')], { interest }), ['Recovered nightly-2'])
})

test('whatever happens, nothing is told twice, and a failure that lasts is not passed over', () => {
  const phases = fc.constantFrom<EndedRun['phase']>('Completed', 'PartiallyFailed', 'Failed', 'FailedValidation')
  const history = fc.array(fc.record({ phase: phases, gap: fc.integer({ min: 1, max: 30 }) }), { maxLength: 20 })
  fc.assert(
    fc.property(history, (steps) => {
      const runs: EndedRun[] = []
      let hour = 0
      for (const { phase, gap } of steps) {
        hour += gap
        runs.push(run(hour, phase))
        const news = newsFor(all, { runs, schedules: [], now: at(hour) })
        assert.ok(news.length <= 1)
        for (const one of news) {
          if (!('run' in one)) continue
          assert.equal(one.run.told, undefined)
          runs[runs.indexOf(one.run)] = { ...one.run, told: at(hour) }
        }
        assert.deepEqual(newsFor(all, { runs, schedules: [], now: at(hour) }), [], 'told once')
        const streak = runs.slice(runs.findLastIndex((one) => one.phase === 'Completed') + 1)
        if (streak.length > 0) assert.ok(streak.some((one) => one.told !== undefined))
      }
    }),
  )
})
