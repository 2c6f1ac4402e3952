import type { Wave } from '#apply/task.ts'
import { entryPath } from '#archive/entry-path.ts'
import { ArchiveError } from '#archive/error.ts'
import type { ArchivedEntry, OpenArchive } from '#archive/open.ts'
import { restoreWaves } from '#items/order.ts'
import { prepareNamespace } from '#items/restore-step.ts'
import type { KubeObject } from '#kube/object.ts'
import { type RestoreSkipReason, restoreSkipReason } from '#selection/restore-scope.ts'
import type { Filling } from './claimed-snapshots.ts'
import type { RestoredGroup } from './group-stubs.ts'
import { type ArchivedTaskOptions, archivedTasks, type HookedPod } from './archived-task.ts'

/** What a restore is going to do, object by object. Objects themselves are read when their turn comes. */
export interface Plan {
  waves: readonly Wave[]
  /** Tasks in all waves together. */
  tasks: number
  /** The Namespace to be made for a target namespace: like its source in the archive, or bare. */
  namespaceManifest(name: string): Promise<KubeObject>
  /** Places (`refKey`) of objects that go by another name or type than in the archive; final when all tasks are done. */
  renamed: ReadonlySet<string>
  /** Claims that are to be filled from snapshots, by place (`refKey`); final when all tasks are done. */
  fillings: ReadonlyMap<string, Filling>
  /** Pods in which commands are to be run, or that got init containers, by the place (`refKey`) of their outcome; grows as they are prepared. */
  hooked: ReadonlyMap<string, HookedPod>
  /** Groups of which snapshots come back, by handle; grows as these are prepared. */
  groups: ReadonlyMap<string, RestoredGroup>
  /** What of the archive no task took, and why not; final when all tasks are done. */
  leftOut(): Iterable<{ entry: ArchivedEntry; because: RestoreSkipReason }>
}

/** Plans the restore of everything in the archive that the scope takes, in dependency order. */
export function planRestore(options: ArchivedTaskOptions): Plan {
  const { archive, scope, versions, priorities, log } = options
  const tasks = archivedTasks(options)
  const sources = new Map<string, string>()
  const wave = (resources: readonly string[]): Wave =>
    resources.flatMap((resource) => {
      const entries = [...archive.entriesOf(resource, versions.get(resource))].filter(
        (entry) => restoreSkipReason(entry, scope) === undefined,
      )
      // In the order in which the API server lists them, so that live objects can be read alongside.
      return entries.toSorted(byPlace).map((entry) => {
        const task = tasks.listed(entry)
        const source = entry.namespace
        if (source !== undefined && task.namespace !== undefined && !sources.has(task.namespace)) {
          sources.set(task.namespace, source)
        }
        return task
      })
    })
  const waves = restoreWaves(archive.resources(), priorities).map(wave)
  return {
    waves,
    tasks: waves.reduce((sum, { length }) => sum + length, 0),
    async namespaceManifest(name) {
      const source = { resource: 'namespaces', namespace: undefined, name: sources.get(name) ?? name }
      const entry = archive.find(entryPath({ ...source, version: undefined, preferred: false }))
      return prepareNamespace(name, entry && (await readable(archive, entry, log)))
    },
    renamed: tasks.renamed,
    fillings: tasks.fillings,
    hooked: tasks.hooked,
    groups: tasks.groups,
    *leftOut() {
      for (const resource of archive.resources()) {
        for (const entry of archive.entriesOf(resource, versions.get(resource))) {
          if (!tasks.took(entry)) yield { entry, because: restoreSkipReason(entry, scope) ?? 'selector-mismatch' }
        }
      }
    },
  }
}

function byPlace(a: ArchivedEntry, b: ArchivedEntry): number {
  return compare(a.namespace ?? '', b.namespace ?? '') || compare(a.name, b.name)
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

/** The archived object, or undefined when it is spoilt: then a bare namespace is better than none of its objects. */
async function readable(
  archive: OpenArchive,
  entry: ArchivedEntry,
  log: ArchivedTaskOptions['log'],
): Promise<KubeObject | undefined> {
  try {
    return await archive.read(entry)
  } catch (error) {
    if (!(error instanceof ArchiveError)) throw error
    log.warning('namespace is made without labels and annotations', { name: entry.name, error: error.message })
    return undefined
  }
}
