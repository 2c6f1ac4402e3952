import assert from 'node:assert/strict'
import { cp, mkdtempDisposable } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Restore } from '#api/restore.ts'
import { decodeResourceList, type ResourceList } from '#archive/resource-list.ts'
import { decodeResults, type Results } from '#archive/results.ts'
import { decodeVolumeInfo } from '#archive/volume-info.ts'
import type { KubeClient } from '#kube/client.ts'
import { runRestore } from '#restore/run.ts'
import { fileStore } from '#store/file.ts'
import { type RestoreArtifact, restoreKey } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'
import type { RecordedRestore } from './recorded-restore.ts'

/** A store of our own with the backups of a recorded bucket. */
export async function storeOfBackups({ bucket }: RecordedRestore): Promise<{ store: ObjectStore } & AsyncDisposable> {
  const folder = await mkdtempDisposable(join(tmpdir(), 'lifeboat-golden-'))
  await cp(join(bucket, 'backups'), join(folder.path, 'backups'), { recursive: true })
  return { store: fileStore(folder.path), [Symbol.asyncDispose]: () => folder.remove() }
}

/** Runs a recorded restore once more, with its name or another. No node runs its pods, so that nobody need wait for them. */
export async function restoreAgain(
  asked: Restore,
  { kube, store, name = asked.metadata.name }: { kube: KubeClient; store: ObjectStore; name?: string },
): Promise<Restore> {
  const { status: _, ...restore } = asked
  const metadata = { ...restore.metadata, name }
  return await runRestore({
    restore: { ...restore, metadata },
    kube,
    store,
    now: () => new Date(),
    patience: { containers: 1 },
  })
}

/** How a restore ended, apart from the hooks that no node could run: all of them were run in the recordings. */
export function endWithNode({ status }: Restore, { errors }: Results): Partial<Restore['status']> {
  const texts = Object.values(errors.namespaces ?? {}).flat()
  const unrun = texts.filter((text) => notRun.test(text)).length
  const { hooksAttempted, hooksFailed = 0 } = status?.hookStatus ?? {}
  assert.equal(hooksFailed, unrun)
  const others = (status?.errors ?? 0) - unrun
  return {
    phase: others > 0 ? 'PartiallyFailed' : 'Completed',
    hookStatus: hooksAttempted === undefined ? {} : { hooksAttempted },
    ...(others > 0 ? { errors: others } : {}),
  }
}

/** The error of a hook in a pod that no node runs. */
const notRun = /^hook .* not run: its container was not running/

/** What a restore left in the store. */
export async function artifactsOf(
  { metadata }: Restore,
  store: ObjectStore,
): Promise<{ results: Results; resourceList: ResourceList }> {
  const read = (artifact: RestoreArtifact) => store.get(restoreKey(metadata.name, artifact))
  assert.deepEqual(await decodeVolumeInfo(await read('volume-info')), [])
  return {
    results: await decodeResults(await read('results')),
    resourceList: await decodeResourceList(await read('resource-list')),
  }
}
