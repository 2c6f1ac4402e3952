import type { Cost } from './figures.ts'
import { aligned } from './report.ts'
import { SINGLES, type VolumesCost, type VolumesResult } from './volumes.ts'

/** What a backup of many volumes may take: 1.3 times the slowest single snapshot, and what the driver needs for all of them. */
export function volumesLimit({ single, raw }: Pick<VolumesResult, 'single' | 'raw'>): number {
  return 1.3 * single + raw.seconds
}

/** A table, and the ratios in words. */
export function volumesReport(result: VolumesResult): string {
  const { options, single, raw, ours, peer } = result
  const { volumes, readyAfter, store, door, runs, peerRuns } = options
  const perVolume = ({ apiCalls, callsWithout }: VolumesCost): string =>
    ((apiCalls - callsWithout) / volumes).toFixed(1)
  const rows = [
    ['', 'seconds', 'of raw', 'CPU s', 'peak RSS', 'API calls', 'per volume'],
    [door === 'cli' ? 'lifeboat --store' : 'lifeboat server', ...cells(ours, raw), perVolume(ours)],
    ...(peer === undefined ? [] : [['velero server, S3', ...cells(peer, raw), perVolume(peer)]]),
    [
      'raw: all snapshots asked for at once',
      raw.seconds.toFixed(2),
      '1.00',
      '',
      '',
      `${raw.apiCalls}`,
      (raw.apiCalls / volumes).toFixed(1),
    ],
    [
      `raw: one snapshot, the slowest of ${SINGLES}`,
      single.toFixed(2),
      (single / raw.seconds).toFixed(2),
      '',
      '',
      '',
      '',
    ],
  ]
  const limit = volumesLimit(result)
  const ready = readyAfter === 0 ? 'ready at once' : `ready ${readyAfter} s after they are taken`
  const place = store === 'dir' ? 'a directory' : 'an S3 server'
  const often = `median of ${runs}${peer === undefined ? '' : `, Velero's of ${peerRuns}`}`
  return [
    `a backup of ${volumes} volumes into ${place}, snapshots ${ready}, ${often}`,
    ...aligned(rows),
    'calls per volume are those beyond the same backup without snapshots',
    `at most 1.3 × the slowest single snapshot + what the driver needs for all: ${limit.toFixed(2)} s, ${ours.seconds <= limit ? 'met' : 'missed'}`,
    ...(peer === undefined ? [] : [`Lifeboat is ${(peer.seconds / ours.seconds).toFixed(1)} times as fast as Velero`]),
  ].join('\n')
}

function cells({ seconds, cpuSeconds, peakRssMB, apiCalls }: Cost, raw: VolumesResult['raw']): string[] {
  const ratio = (seconds / raw.seconds).toFixed(2)
  return [seconds.toFixed(2), ratio, cpuSeconds.toFixed(2), `${peakRssMB.toFixed(0)} MB`, `${apiCalls}`]
}
