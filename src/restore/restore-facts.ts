import type { Restore, RestoreSpec } from '#api/restore.ts'
import type { Outcome } from '#apply/outcome.ts'
import { restoreHooks, type RestoreHooks } from '#hooks/restore-hooks.ts'
import { initContainers } from '#items/restore-actions/init-hook.ts'
import { entryPath } from '#archive/entry-path.ts'
import type { ArchivedVersion, OpenArchive } from '#archive/open.ts'
import type { ModifierRule } from '#items/modifier-rules.ts'
import type { Priorities } from '#items/order.ts'
import type { RestoreContext } from '#items/restore-context.ts'
import { type VolumeInfo as DecidingInfo, type VolumeDecision, decideVolume } from '#items/volume-decision.ts'
import type { Discovery, KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject, ResourceType, ServedType } from '#kube/object.ts'
import {
  type RestoreScope,
  compileRestoreScope,
  restoreSkipReason,
  restoredResource,
  restoresStatus,
} from '#selection/restore-scope.ts'
import { readActionSettings } from './action-settings.ts'
import type { BackupSource } from './backup-source.ts'
import { RestoreError } from './error.ts'
import { provisionerOf, readSnapshotTarget, type SnapshotTarget } from './claimed-snapshots.ts'
import { chosenVersions } from './chosen-versions.ts'
import { readModifiers } from './modifiers.ts'
import type { RestoreSettings } from './settings.ts'

/** The name under which archives keep the definitions of custom types. */
export const definitionsResource = 'customresourcedefinitions.apiextensions.k8s.io'

const ServiceAccounts: ResourceType = {
  group: '',
  version: 'v1',
  plural: 'serviceaccounts',
  kind: 'ServiceAccount',
  namespaced: true,
}

/** What is asked once, before the first object is restored. */
export interface RestoreFacts {
  scope: RestoreScope
  context: RestoreContext
  hooks: RestoreHooks
  /** Names of the PersistentVolumes whose data were backed up and are to come back, in whatever way. */
  volumesWithData: ReadonlySet<string>
  /** Undefined when the backup has no CSI snapshots. */
  snapshotTarget: SnapshotTarget | undefined
  /** Of types that are restored from another version folder than their unversioned copies come from. */
  versions: ReadonlyMap<string, ArchivedVersion>
  /** With names as the archive has them; undefined for the order of this program. */
  priorities: Priorities | undefined
  /** About the restore as a whole. */
  warnings: readonly string[]
  /** To be told of each object that is done: what is there now counts for those that follow. */
  readonly took: (outcome: Outcome) => void
}

export interface FactOptions {
  restore: Restore
  backupName: string
  source: BackupSource
  kube: KubeClient
  /** What the cluster serves, when it has been asked already. */
  discovery?: Promise<Discovery> | undefined
  settings?: RestoreSettings | undefined
  signal?: AbortSignal | undefined
}

/** Reads from archive and cluster what the decisions on single objects depend on. Rejects with KubeError, or with RestoreError 'bad-modifiers'. */
export async function gatherFacts(options: FactOptions): Promise<RestoreFacts> {
  const { restore, backupName, source, kube, discovery, settings = {}, signal } = options
  const { archive } = source
  const { spec } = restore
  const { namespace } = restore.metadata
  const { types: served } = await (discovery ?? kube.discover({ signal }))
  const types = { served: [...served, ...(await definedTypes(archive, signal))], archived: archive.resources() }
  const scope = compileRestoreScope(spec, types)
  const liveServiceAccounts = await accountsIn(kube, archive, signal)
  const { liveStorageClasses, warnings, ...actions } = await readActionSettings(kube, { namespace, signal })
  const { uid, name } = restore.metadata
  const wanted = spec.restorePVs !== false
  const asked = { kube, archive, served, restoreId: uid ?? name, wanted, signal }
  const snapshotTarget = await readSnapshotTarget(asked)
  const archivedProvisioners = new Map<string, string>()
  if (snapshotTarget !== undefined) {
    for await (const one of objectsOf(archive, 'storageclasses.storage.k8s.io', signal))
      archivedProvisioners.set(one.metadata.name, provisionerOf(one))
  }
  const context: RestoreContext = {
    backupName,
    restoreName: restore.metadata.name,
    namespaceMapping: spec.namespaceMapping,
    preserveNodePorts: spec.preserveNodePorts ?? false,
    volumes: await volumeDecisions(source, { scope, restorePVs: spec.restorePVs, signal }),
    snapshots: snapshotTarget?.context,
    liveServiceAccounts,
    ...actions,
    modifiers: await modifiersOf(restore, kube, signal),
    initContainers: initContainers(spec),
    restoresStatus: (resource) => restoresStatus(scope, resource),
  }
  const resolved = (names: readonly string[]): string[] => names.map((name) => restoredResource(name, types))
  return {
    scope,
    context,
    hooks: restoreHooks(spec),
    volumesWithData: volumesWithData(source, spec.restorePVs),
    snapshotTarget,
    versions:
      settings.choosesVersions === true ? await chosenVersions(kube, { archive, served, namespace }) : new Map(),
    priorities: settings.priorities && {
      high: resolved(settings.priorities.high),
      low: resolved(settings.priorities.low),
    },
    warnings,
    took: ({ resource, namespace: place, name, action }) => {
      if (action === undefined) return
      // Tokens of accounts that are there now are made by the cluster itself.
      if (resource === 'serviceaccounts') liveServiceAccounts.add(`${place}/${name}`)
      if (resource !== 'storageclasses.storage.k8s.io') return
      liveStorageClasses.add(name)
      snapshotTarget?.provisioners?.set(name, archivedProvisioners.get(name) ?? '')
    },
  }
}

/** The ServiceAccounts of the cluster; only the tokens among the Secrets ask for them. None when they may not be listed: tokens then come back empty, and the cluster fills them. */
async function accountsIn(
  kube: KubeClient,
  archive: OpenArchive,
  signal: AbortSignal | undefined,
): Promise<Set<string>> {
  const accounts = new Set<string>()
  if (!archive.resources().includes('secrets')) return accounts
  try {
    for await (const { items } of kube.pages(ServiceAccounts, { signal })) {
      for (const { metadata } of items) accounts.add(`${metadata.namespace}/${metadata.name}`)
    }
  } catch (error) {
    if (!(error instanceof KubeError) || error.problem !== 'forbidden') throw error
  }
  return accounts
}

/** Without `restorePVs` nobody asks for what snapshots hold. */
function volumesWithData({ volumes, archive }: BackupSource, restorePVs: RestoreSpec['restorePVs']): Set<string> {
  const asked = [...volumes].filter(([, { backupMethod, snapshotDataMoved, pvcNamespace, pvcName = '' }]) => {
    if (restorePVs === false) return backupMethod === 'PodVolumeBackup'
    if (backupMethod !== 'CSISnapshot' || snapshotDataMoved === true) return Boolean(backupMethod)
    // The claim brings the data in its snapshot back, and says why not, if it is there.
    const claim = { resource: 'persistentvolumeclaims', namespace: pvcNamespace, name: pvcName }
    return archive.find(entryPath({ ...claim, version: undefined, preferred: false })) === undefined
  })
  return new Set(asked.map(([name]) => name))
}

/** The doors have looked at them already, but what they saw may have been changed since, by a restart even. */
async function modifiersOf(
  restore: Restore,
  kube: KubeClient,
  signal: AbortSignal | undefined,
): Promise<readonly ModifierRule[]> {
  const { rules, problems } = await readModifiers(kube, restore, { signal })
  if (problems.length === 0) return rules
  throw new RestoreError('bad-modifiers', `restore ${restore.metadata.name} cannot run: ${problems.join('; ')}`)
}

async function volumeDecisions(
  { archive, volumes }: BackupSource,
  {
    scope,
    restorePVs,
    signal,
  }: { scope: RestoreScope; signal: AbortSignal | undefined } & Pick<RestoreSpec, 'restorePVs'>,
): Promise<Map<string, VolumeDecision>> {
  const decisions = new Map<string, VolumeDecision>()
  const place = { resource: 'persistentvolumes', namespace: undefined }
  // Claims bring their volumes along, so the filters for what claims need decide.
  if (restoreSkipReason(place, scope, 'related') !== undefined) return decisions
  for await (const volume of objectsOf(archive, place.resource, signal)) {
    const { name } = volume.metadata
    decisions.set(name, decideVolume(volume, { info: volumes.get(name) as DecidingInfo | undefined, restorePVs }))
  }
  return decisions
}

interface DefinitionSpec {
  group: string
  scope: string
  names: { plural: string; kind: string; singular?: string; shortNames?: string[] }
  versions: { name: string; served: boolean; storage: boolean }[]
}

/** The types that the archived definitions make, so that filters may name them although the target does not serve them yet. */
async function definedTypes(archive: OpenArchive, signal: AbortSignal | undefined): Promise<ServedType[]> {
  const types: ServedType[] = []
  for await (const definition of objectsOf(archive, definitionsResource, signal)) {
    const { group, scope, names, versions } = definition['spec'] as DefinitionSpec
    for (const { name, served, storage } of versions ?? []) {
      if (!served) continue
      types.push({
        group,
        version: name,
        plural: names.plural,
        kind: names.kind,
        namespaced: scope === 'Namespaced',
        singular: names.singular ?? names.kind.toLowerCase(),
        shortNames: names.shortNames ?? [],
        verbs: [],
        preferred: storage,
      })
    }
  }
  return types
}

async function* objectsOf(
  archive: OpenArchive,
  resource: string,
  signal: AbortSignal | undefined,
): AsyncIterable<KubeObject> {
  for (const entry of archive.entriesOf(resource)) {
    signal?.throwIfAborted()
    yield await archive.read(entry)
  }
}
