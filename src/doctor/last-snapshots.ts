import type { Backup } from '#api/backup.ts'
import type { VolumeInfo } from '#archive/volume-info.ts'

/** The newest data of one claim that a backup has. */
export interface LastSnapshot {
  readonly backup: string
  /** `NativeSnapshot`, `CSISnapshot` or `PodVolumeBackup`. */
  readonly method: string
  /** When they were taken, RFC 3339; of the backup when its record of the volume does not say. */
  readonly taken: string
}

export interface LastSnapshots {
  /** By `namespace/claim`. */
  readonly found: ReadonlyMap<string, LastSnapshot>
  /** Backups that were not looked into, although something was still being looked for. */
  readonly left: number
}

const READS_AT_ONCE = 8

/** Looks into the newest `most` of `backups`, newest first, until there is something of each of `claims` (`namespace/claim`). Rejects as `infosOf` does. */
export async function lastSnapshots(
  claims: ReadonlySet<string>,
  options: { backups: readonly Backup[]; infosOf: (backup: Backup) => Promise<readonly VolumeInfo[]>; most: number },
): Promise<LastSnapshots> {
  const { backups, infosOf, most } = options
  const ended = backups
    .filter(({ status }) => status?.phase === 'Completed' || status?.phase === 'PartiallyFailed')
    .toSorted((a, b) => startOf(b) - startOf(a))
  const found = new Map<string, LastSnapshot>()
  const looked = ended.slice(0, most)
  for (let start = 0; start < looked.length && found.size < claims.size; start += READS_AT_ONCE) {
    const some = looked.slice(start, start + READS_AT_ONCE)
    const infos = await Promise.all(some.map(infosOf))
    for (const [index, backup] of some.entries()) note(found, { claims, backup, infos: infos[index] ?? [] })
  }
  return { found, left: found.size < claims.size ? ended.length - looked.length : 0 }
}

function note(
  found: Map<string, LastSnapshot>,
  { claims, backup, infos }: { claims: ReadonlySet<string>; backup: Backup; infos: readonly VolumeInfo[] },
): void {
  for (const info of infos) {
    const key = `${info.pvcNamespace ?? ''}/${info.pvcName ?? ''}`
    const { backupMethod: method, skipped, result, startTimestamp } = info
    const has = Boolean(method) && skipped !== true && result !== 'failed'
    if (method === undefined || !has || !claims.has(key) || found.has(key)) continue
    const taken = typeof startTimestamp === 'string' ? startTimestamp : (backup.status?.startTimestamp ?? '')
    found.set(key, { backup: backup.metadata.name, method, taken })
  }
}

function startOf({ status }: Backup): number {
  return Date.parse(status?.startTimestamp ?? '') || 0
}
