import type { Restore } from '#api/restore.ts'
import type { OpenArchive } from '#archive/open.ts'
import type { ModifierRule } from '#items/modifier-rules.ts'
import type { RestoreContext } from '#items/restore-context.ts'
import { type VolumeInfo as DecidingInfo, type VolumeDecision, decideVolume } from '#items/volume-decision.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject, ResourceType, ServedType } from '#kube/object.ts'
import { type RestoreScope, compileRestoreScope, restoreSkipReason, restoresStatus } from '#selection/restore-scope.ts'
import type { BackupSource } from './backup-source.ts'
import { RestoreError } from './error.ts'
import { readModifiers } from './modifiers.ts'

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
  /** The set in `context.liveServiceAccounts`, to which accounts are added as they are restored. */
  liveServiceAccounts: Set<string>
  /** Names of the PersistentVolumes whose data were backed up, in whatever way. */
  volumesWithData: ReadonlySet<string>
}

export interface FactOptions {
  restore: Restore
  backupName: string
  source: BackupSource
  kube: KubeClient
  signal?: AbortSignal | undefined
}

/** Reads from archive and cluster what the decisions on single objects depend on. Rejects with KubeError, or with RestoreError 'bad-modifiers'. */
export async function gatherFacts({ restore, backupName, source, kube, signal }: FactOptions): Promise<RestoreFacts> {
  const { archive } = source
  const { types } = await kube.discover({ signal })
  const scope = compileRestoreScope(restore.spec, {
    served: [...types, ...(await definedTypes(archive, signal))],
    archived: archive.resources(),
  })
  const liveServiceAccounts = new Set<string>()
  // Only the tokens among the Secrets ask for accounts.
  if (archive.resources().includes('secrets')) {
    for await (const { items } of kube.pages(ServiceAccounts, { signal })) {
      for (const { metadata } of items) liveServiceAccounts.add(`${metadata.namespace}/${metadata.name}`)
    }
  }
  const context: RestoreContext = {
    backupName,
    restoreName: restore.metadata.name,
    namespaceMapping: restore.spec.namespaceMapping,
    preserveNodePorts: restore.spec.preserveNodePorts ?? false,
    volumes: await volumeDecisions(source, { scope, signal }),
    liveServiceAccounts,
    modifiers: await modifiersOf(restore, kube, signal),
    restoresStatus: (resource) => restoresStatus(scope, resource),
  }
  const withData = [...source.volumes].filter(([, info]) => Boolean(info['backupMethod']))
  return { scope, context, liveServiceAccounts, volumesWithData: new Set(withData.map(([name]) => name)) }
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
  { scope, signal }: { scope: RestoreScope; signal: AbortSignal | undefined },
): Promise<Map<string, VolumeDecision>> {
  const decisions = new Map<string, VolumeDecision>()
  const place = { resource: 'persistentvolumes', namespace: undefined }
  // Claims bring their volumes along, so the filters for what claims need decide.
  if (restoreSkipReason(place, scope, 'related') !== undefined) return decisions
  for await (const volume of objectsOf(archive, place.resource, signal)) {
    const { name } = volume.metadata
    decisions.set(name, decideVolume(volume, volumes.get(name) as DecidingInfo | undefined))
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
