import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseOptions } from './options.ts'
import { volumesLimit, volumesReport } from './volumes-report.ts'
import type { VolumesResult } from './volumes.ts'

const cost = { peakRssMB: 100, cpuSeconds: 1.5, callsWithout: 40 }

function result(seconds: number, peer?: VolumesResult['peer']): VolumesResult {
  const options = parseOptions(['volumes', '--volumes', '50', '--ready-after', '5'])
  assert.ok(!('mistake' in options))
  const ours = { ...cost, seconds, apiCalls: 290 }
  return { options, single: 5, raw: { seconds: 6, apiCalls: 52 }, ours, peer }
}

test('the limit is 1.3 times the slowest single snapshot and what the driver needs for all', () => {
  assert.equal(volumesLimit(result(1)), 12.5)
  assert.match(volumesReport(result(12.5)), /: 12\.50 s, met$/)
  assert.match(volumesReport(result(12.51)), /: 12\.50 s, missed$/)
})

test('the report compares with raw and with the peer, and counts calls for each volume beyond those without snapshots', () => {
  const report = volumesReport(result(9, { ...cost, seconds: 270, apiCalls: 1040 }))
  assert.match(
    report,
    /^a backup of 50 volumes into a directory, snapshots ready 5 s after they are taken, median of 3, Velero's of 1$/m,
  )
  assert.match(report, /^lifeboat --store +9\.00 +1\.50 +1\.50 +100 MB +290 +5\.0$/m)
  assert.match(report, /^velero server, S3 +270\.00 +45\.00 +1\.50 +100 MB +1040 +20\.0$/m)
  assert.match(report, /^raw: all snapshots asked for at once +6\.00 +1\.00 +52 +1\.0$/m)
  assert.match(report, /^Lifeboat is 30\.0 times as fast as Velero$/m)
})
