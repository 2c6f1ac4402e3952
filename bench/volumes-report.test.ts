import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseOptions } from './options.ts'
import { volumesLimits, volumesReport } from './volumes-report.ts'
import type { VolumesResult } from './volumes.ts'

const cost = { peakRssMB: 100, cpuSeconds: 1.5, without: { seconds: 0.5, apiCalls: 40 } }

function result(seconds: number, peer?: VolumesResult['peer']): VolumesResult {
  const options = parseOptions(['volumes', '--volumes', '50', '--ready-after', '5'])
  assert.ok(!('mistake' in options))
  const ours = { ...cost, seconds, apiCalls: 290 }
  return { options, single: 5, raw: { seconds: 6, apiCalls: 52 }, ours, peer }
}

test('the limits are made of the slowest single snapshot and what all at once need', () => {
  assert.deepEqual(volumesLimits({ single: 10, raw: { seconds: 20, apiCalls: 1 } }), { target: 39, strict: 33 })
  const verdicts = (seconds: number): string[] => volumesReport(result(seconds)).match(/, (met|missed)$/gm) ?? []
  assert.deepEqual(verdicts(12.5), [', met', ', met'])
  assert.deepEqual(verdicts(12.51), [', met', ', missed'])
  assert.deepEqual(verdicts(14.31), [', missed', ', missed'])
})

test('the report compares with raw and with the peer, and counts calls for each volume beyond those without snapshots', () => {
  const report = volumesReport(result(9, { ...cost, seconds: 270, apiCalls: 1040 }))
  assert.match(report, /^a backup of 50 volumes into a directory, snapshots ready 5 s after .+ 3, Velero's of 1$/m)
  assert.match(report, /^lifeboat --store +9\.00 +1\.50 +1\.50 +100 MB +290 +5\.0$/m)
  assert.match(report, /^velero server, S3 +270\.00 +45\.00 +1\.50 +100 MB +1040 +20\.0$/m)
  assert.match(report, /^raw: all snapshots asked for at once +6\.00 +1\.00 +52 +1\.0$/m)
  assert.match(report, /^Lifeboat is 30\.0 times as fast as Velero$/m)
  assert.doesNotMatch(volumesReport(result(9)), /velero/i)
})
