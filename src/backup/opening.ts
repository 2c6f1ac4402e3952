import type { BackupSpec } from '#api/backup.ts'
import type { RunLog } from '#archive/run-log.ts'
import { openCollection, type Collection } from '#collect/collect.ts'
import { readCut, type Cut } from '#collect/cut.ts'
import { compileBackupScope, type BackupScope } from '#selection/backup-scope.ts'
import { logBefore } from './findings.ts'
import { readRelations } from './relations.ts'
import type { BackupRun } from './run.ts'

/** Everything that decides what goes in, and the lists under way. */
export interface Opening {
  readonly cut: Cut
  readonly scope: BackupScope
  readonly collection: Collection
}

/** Reads what decides and begins every list, for a backup and its preview alike; findings go to `log`. Writes nothing. Rejects with CollectError or KubeError. */
export async function openBackupCollection(
  options: Pick<BackupRun, 'backup' | 'kube' | 'policies' | 'everyVersion' | 'pageSize' | 'version' | 'signal'>,
  log: RunLog,
): Promise<Opening> {
  const { kube, signal, backup, pageSize, version } = options
  const cut = await readCut(kube, { version, signal })
  const scope = compileBackupScope(backup.spec, cut, {
    policy: options.policies?.includeExclude,
    everyVersion: options.everyVersion,
  })
  logBefore(log, { cut, scope })
  const volumeGroupLabel = backup.spec.volumeGroupSnapshotLabelKey
  const { relations, failure } = await readRelations({ kube, cut, scope, signal, volumeGroupLabel })
  if (failure !== undefined) log.error('Could not find the cluster roles of service accounts', { error: failure })
  const order = orderOf(backup.spec.orderedResources)
  const collection = await openCollection({ kube, cut, scope, relations, order, signal, pageSize })
  return { cut, scope, collection }
}

/** Does so meanwhile. What is still being read when this is disposed is given up. */
export function beginOpening(run: BackupRun, log: RunLog): AsyncDisposable & { readonly opened: Promise<Opening> } {
  const stop = new AbortController()
  const signal = run.signal === undefined ? stop.signal : AbortSignal.any([run.signal, stop.signal])
  const opened = openBackupCollection({ ...run, signal }, log)
  // Heard of by whoever waits for it.
  opened.catch(() => undefined)
  return {
    opened,
    async [Symbol.asyncDispose]() {
      stop.abort()
      await opened.catch(() => undefined)
    },
  }
}

/** The spec's order as `namespace/name` lists per plural (spec/backup §3.9). */
export function orderOf(ordered: BackupSpec['orderedResources']): ReadonlyMap<string, readonly string[]> {
  const entries = Object.entries(ordered ?? {})
  return new Map(entries.map(([plural, names]) => [plural, names.split(',').map((name) => name.trim())]))
}
