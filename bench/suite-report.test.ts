import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Figures } from './figures.ts'
import { parseOptions } from './options.ts'
import { suiteReport, targetsOf, type Measured } from './suite-report.ts'
import type { VolumesResult } from './volumes.ts'

const figures = (objectsPerSecond: number, more: Partial<Figures> = {}): Figures => ({
  seconds: 1,
  objectsPerSecond,
  peakRssMB: 150,
  cpuSeconds: 1,
  apiCalls: 100,
  ...more,
})

function measured(given: Pick<Measured, 'work' | 'objects' | 'case'>, ours: Figures, peer?: Figures): Measured {
  const options = parseOptions([given.work, '--objects', '1', '--case', given.case ?? 'empty'])
  assert.ok(!('mistake' in options))
  return { title: 'a title', ...given, result: { work: given.work, options, ours, raw: figures(200), peer } }
}

test('a target is met at its very limit and missed beyond', () => {
  const verdicts = (ours: Figures, peer: Figures): (boolean | undefined)[] =>
    targetsOf([measured({ work: 'backup', objects: 50_000 }, ours, peer)]).map(({ met }) => met)
  assert.deepEqual(verdicts(figures(120, { apiCalls: 200 }), figures(10)), [true, true, undefined, undefined, true])
  assert.deepEqual(verdicts(figures(99, { apiCalls: 201 }), figures(10)), [false, false, undefined, undefined, false])
})

test('memory is judged by its growth and by its size', () => {
  const of = (large: number): (boolean | undefined)[] =>
    targetsOf([
      measured({ work: 'backup', objects: 10_000 }, figures(1, { peakRssMB: 150 })),
      measured({ work: 'backup', objects: 200_000 }, figures(1, { peakRssMB: large })),
    ])
      .slice(2, 4)
      .map(({ met }) => met)
  assert.deepEqual(
    [of(195), of(196), of(201)],
    [
      [true, true],
      [false, true],
      [false, false],
    ],
  )
})

test('a restore is held to the targets of its case only', () => {
  const one = measured({ work: 'restore', objects: 10_000, case: 'existing' }, figures(301), figures(10))
  assert.deepEqual(
    targetsOf([one]).map(({ met }) => met),
    [undefined, undefined, undefined, true, undefined],
  )
})

test('the report has a table of each part and says why a measurement failed', () => {
  const backups = [
    measured({ work: 'backup', objects: 50_000 }, figures(150), figures(10)),
    {
      title: '50,000, all existing',
      work: 'restore' as const,
      objects: 50_000,
      case: 'existing' as const,
      failure: 'it broke',
    },
  ]
  const volumes = [
    { title: '50, ready at once', result: volumesResult() },
    { title: '50, ready after 5 s', failure: 'no root' },
  ]
  const report = suiteReport({ measured: backups, volumes }, new Date('2026-01-02T03:04:05Z'))
  assert.match(report, /^2026-01-02, /)
  assert.match(report, /\| a title \| \*\*Lifeboat\*\* \| 1\.00 \| 150 \| .* \| 75 % of raw, 15 × Velero \|/)
  assert.match(report, /\| 50,000, all existing \| it broke \|/)
  assert.match(report, /\| 50,000 mixed: 12 times as fast as Velero \| 15 × \| met \|/)
  assert.match(report, /\| 50, ready at once \| lifeboat server \| 3\.00 \| 1\.50 \| .* \| 5\.0 \|/)
  assert.match(report, /\| 50, ready after 5 s \| no root \|/)
  assert.match(report, /\| volumes, 50, ready at once: .* \| 1\.2 × \| met \|/)
})

function volumesResult(): VolumesResult {
  const options = parseOptions(['volumes', '--volumes', '50', '--door', 'server'])
  assert.ok(!('mistake' in options))
  const without = { seconds: 1, apiCalls: 40 }
  const ours = { seconds: 3, peakRssMB: 100, cpuSeconds: 1, apiCalls: 290, without }
  return { options, single: 0.5, raw: { seconds: 2, apiCalls: 52 }, ours, peer: undefined }
}
