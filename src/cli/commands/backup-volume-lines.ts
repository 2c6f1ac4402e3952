import { indented } from '../describe.ts'
import type { BackupFacts } from './backup-facts.ts'
import {
  copiesByPod,
  copyGroups,
  csiSnapshots,
  leftOutVolumes,
  nativeSnapshots,
  SEE_DETAILS,
  type CopyGroup,
  type DescribedSnapshot,
} from './backup-volumes.ts'

/** The lines below `Backup Volumes:` (spec/cli.md §9.1, 16). */
export function volumeLines({ volumes, copies, trailer }: BackupFacts, details: boolean): string[] {
  return [
    ...nativeLines(nativeSnapshots(volumes ?? []), details),
    '',
    ...csiLines(volumes && csiSnapshots(volumes), details),
    '',
    ...copyLines(copies, details),
    ...(details && trailer !== undefined ? leftOutLines(leftOutVolumes(volumes ?? [])) : []),
  ]
}

function nativeLines(snapshots: readonly DescribedSnapshot[], details: boolean): string[] {
  if (snapshots.length === 0) return ['Velero-Native Snapshots: <none included>']
  const lines = snapshots.flatMap(({ name, facts }) =>
    details
      ? [`${name}:`, ...indented(facts.map(([label, , value]) => `${label}:\t${value}`))]
      : `${name}: ${SEE_DETAILS}`,
  )
  return ['Velero-Native Snapshots:', ...indented(lines)]
}

/** Without a file of volumes nothing is known of CSI snapshots, which is not the same as none. */
function csiLines(snapshots: readonly DescribedSnapshot[] | undefined, details: boolean): string[] {
  if (snapshots === undefined) return ['CSI Snapshots: <none included or not detectable>']
  if (snapshots.length === 0) return ['CSI Snapshots: <none included>']
  const byClaim = Map.groupBy(snapshots, ({ name }) => name)
  const lines = [...byClaim].flatMap(([claim, ofClaim]) => [
    `${claim}:`,
    ...indented(ofClaim.flatMap((one) => csiSnapshotLines(one, details))),
  ])
  return ['CSI Snapshots:', ...indented(lines)]
}

function csiSnapshotLines({ kind, facts }: DescribedSnapshot, details: boolean): string[] {
  const title = kind === 'data-movement' ? 'Data Movement' : 'Snapshot'
  if (!details) return [`${title}: included, ${SEE_DETAILS}`]
  return [`${title}:`, ...indented(facts.map(([label, , value]) => `${label}: ${value}`))]
}

function copyLines(copies: BackupFacts['copies'], details: boolean): string[] {
  const [first] = copies
  if (first === undefined) return ['Pod Volume Backups: <none included>']
  const groups = copyGroups(copies)
  const lines = details
    ? groups.flatMap((group) => [`${group.title}:`, ...indented(podLines(group))])
    : groups.map(({ title, copies: { length } }) => `${title}:\t${length}`)
  return [`Pod Volume Backups - ${first.spec.uploaderType}${details ? '' : ` (${SEE_DETAILS})`}:`, ...indented(lines)]
}

/** Of our own backups only: Velero's are described as Velero does. */
function leftOutLines(volumes: readonly { name: string; reason: string }[]): string[] {
  if (volumes.length === 0) return []
  return ['', 'Volumes without data:', ...indented(volumes.map(({ name, reason }) => `${name}: ${reason}`))]
}

function podLines(group: CopyGroup): string[] {
  return copiesByPod(group).map(([pod, volumes]) => `${pod}: ${volumes}`)
}
