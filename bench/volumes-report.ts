import { aligned } from './report.ts'
import { SINGLES, type VolumesCost, type VolumesResult } from './volumes.ts'

/**
 * What a backup of many volumes may take, in seconds: 1.3 times what the slowest single snapshot and all of them at once need; and, stricter, 1.3 times
 * the slowest single snapshot, and what all of them at once need.
 */
export function volumesLimits({ single, raw }: Pick<VolumesResult, 'single' | 'raw'>): {
  target: number
  strict: number
} {
  return { target: 1.3 * (single + raw.seconds), strict: 1.3 * single + raw.seconds }
}

/** A table, and the ratios in words. */
export function volumesReport(result: VolumesResult): string {
  const { options, raw, ours, peer } = result
  const { volumes, readyAfter, store, runs, peerRuns } = options
  const { target, strict } = volumesLimits(result)
  const verdict = (limit: number): string => `${limit.toFixed(2)} s, ${ours.seconds <= limit ? 'met' : 'missed'}`
  const ready = readyAfter === 0 ? 'ready at once' : `ready ${readyAfter} s after they are taken`
  const place = store === 'dir' ? 'a directory' : 'an S3 server'
  const without = `the same backup without snapshots takes ${ours.without.seconds.toFixed(2)} s`
  const more = peer && {
    often: `, Velero's of ${peerRuns}`,
    without: `, Velero's ${peer.without.seconds.toFixed(2)} s`,
    faster: `Lifeboat is ${(peer.seconds / ours.seconds).toFixed(1)} times as fast as Velero`,
  }
  return [
    `a backup of ${volumes} volumes into ${place}, snapshots ${ready}, median of ${runs}${more?.often ?? ''}`,
    ...aligned([volumesHead, ...volumesRows(result)]),
    `${without}${more?.without ?? ''}; calls per volume are those beyond it`,
    `at most 1.3 × (the slowest single snapshot + all at once): ${verdict(target)}`,
    `at most 1.3 × the slowest single snapshot, + all at once: ${verdict(strict)}`,
    `${(ours.seconds / raw.seconds).toFixed(2)} times what all at once need by themselves`,
    ...(more === undefined ? [] : [more.faster]),
  ].join('\n')
}

/** What the columns of `volumesRows` are. */
export const volumesHead = ['', 'seconds', 'of raw', 'CPU s', 'peak RSS', 'API calls', 'per volume']

/** One row for each party. */
export function volumesRows({ options, single, raw, ours, peer }: VolumesResult): string[][] {
  const { volumes, door } = options
  const perVolume = (calls: number): string => (calls / volumes).toFixed(1)
  const row = (who: string, { seconds, cpuSeconds, peakRssMB, apiCalls, without }: VolumesCost): string[] => [
    who,
    ...times(seconds),
    cpuSeconds.toFixed(2),
    `${peakRssMB.toFixed(0)} MB`,
    `${apiCalls}`,
    perVolume(apiCalls - without.apiCalls),
  ]
  const times = (seconds: number): string[] => [seconds.toFixed(2), (seconds / raw.seconds).toFixed(2)]
  return [
    row(door === 'cli' ? 'lifeboat --store' : 'lifeboat server', ours),
    ...(peer === undefined ? [] : [row('velero server, S3', peer)]),
    ['raw: all snapshots asked for at once', ...times(raw.seconds), '', '', `${raw.apiCalls}`, perVolume(raw.apiCalls)],
    [`raw: one snapshot, the slowest of ${SINGLES}`, ...times(single), '', '', '', ''],
  ]
}
