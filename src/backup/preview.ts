import type { LogLevel } from '#archive/log-line.ts'
import type { RunLog } from '#archive/run-log.ts'
import { resultText } from '#archive/results.ts'
import type { Collection } from '#collect/collect.ts'
import type { Cut } from '#collect/cut.ts'
import type { VolumeProtection } from '#items/volume-protection.ts'
import type { Item, KubeObject, ServedType } from '#kube/object.ts'
import { apiVersionOf, detached, resourceName } from '#kube/object.ts'
import { KubeError } from '#kube/error.ts'
import {
  namespaceSkipReason,
  skipReason,
  takesType,
  type BackupScope,
  type SkipReason,
} from '#selection/backup-scope.ts'
import { logAfter } from './findings.ts'
import { openBackupCollection } from './opening.ts'
import { podPlan } from './pod-plan.ts'
import { previewedHooks, type PreviewedHook } from './preview-hooks.ts'
import { volumePlanner, type PlannedVolume } from './volume-planner.ts'
import type { BackupRun } from './run.ts'

/** What would become of one object of the cluster. */
export interface PreviewedObject {
  readonly apiVersion: string
  readonly kind: string
  /** `pods`, `deployments.apps`. */
  readonly resource: string
  readonly namespace: string | undefined
  readonly name: string
  readonly decision: PreviewDecision
}

/** It goes in because a list finds it or because another object brings it along, or it stays out. */
export type PreviewDecision =
  | { readonly take: 'listed' | 'related' }
  | { readonly leave: SkipReason | 'made-meanwhile' }

/** A type of which no object can go in, or whose objects show under another name. */
export interface PreviewedType {
  readonly resource: string
  readonly version: string
  readonly reason: 'cannot-be-backed-up' | 'seen-under-other-group'
}

/** A warning or an error that the backup would have; with level `info` something that the preview cannot know. */
export interface PreviewFinding {
  readonly level: LogLevel
  readonly text: string
}

/** A volume and the way of its data into the backup, or why they would stay out. */
export interface PreviewedVolume {
  readonly claim: { readonly namespace: string; readonly name: string } | undefined
  readonly volume: string | undefined
  readonly by: VolumeProtection['by']
  /** How, or why not, for people. */
  readonly text: string
}

/** A backup that is not made. */
export interface BackupPreview {
  /** Every object that can be listed, once: first those that would go in. May be read once. */
  readonly objects: AsyncIterable<PreviewedObject>
  readonly types: readonly PreviewedType[]
  /** What would become of the data of each volume; final when `objects` has ended. */
  readonly volumes: readonly PreviewedVolume[]
  /** Which commands would be run in which pods; final when `objects` has ended. */
  readonly hooks: readonly PreviewedHook[]
  /** Final when `objects` has ended. */
  readonly findings: readonly PreviewFinding[]
}

/** What a preview takes of a run: nothing that could write. */
export type PreviewOptions = Pick<BackupRun, 'backup' | 'kube' | 'policies' | 'everyVersion' | 'plugins' | 'signal'>

/**
 * Decides about every object as a run with these options would, by the same code, and writes nothing. Rejects as a run
 * does: CollectError 'forbidden', KubeError.
 */
export async function previewBackup(options: PreviewOptions): Promise<BackupPreview> {
  const findings: PreviewFinding[] = []
  const log = noting(findings)
  const { cut, scope, collection } = await openBackupCollection(options, log)
  const actions = (options.plugins ?? []).flatMap((plugin) => plugin.actions.backupItemActions.map(({ name }) => name))
  if (actions.length > 0) {
    const message = `Plug-ins are not asked, so what they change, leave out or add is not in this: ${actions.join(', ')}`
    findings.push({ level: 'info', text: resultText(message, {}) })
  }
  const volumes: PreviewedVolume[] = []
  const hooks: PreviewedHook[] = []
  const objects = allObjects({ ...options, cut, scope, collection, log, volumes, hooks })
  return { objects, types: refusedTypes(cut, scope), volumes, hooks, findings }
}

interface Previewing extends PreviewOptions {
  readonly cut: Cut
  readonly scope: BackupScope
  readonly collection: Collection
  readonly log: RunLog
  readonly volumes: PreviewedVolume[]
  readonly hooks: PreviewedHook[]
}

async function* allObjects(previewing: Previewing): AsyncGenerator<PreviewedObject, void, void> {
  const { collection, scope, log } = previewing
  const taken = new Set<string>()
  const populated = new Set<string>()
  const claims = new Map<string, KubeObject>()
  const planner = volumePlanner({ ...previewing, policies: previewing.policies?.volumePolicies ?? [] })
  const unclaimed = new Map<string, KubeObject>()
  const pods = podPlan(previewing.backup.spec)
  for await (const item of collection.items) {
    pods.see(item)
    const resource = resourceName(item.type)
    if (resource === 'persistentvolumeclaims') claims.set(keyOf(item), detached(item).object)
    if (resource === 'persistentvolumes') {
      const { object } = detached(item)
      planner.know(object)
      unclaimed.set(item.name, object)
    }
    const listed = resourceName(item.type) === 'namespaces' || skipReason(item, scope) === undefined
    if (listed && item.namespace !== undefined) populated.add(item.namespace)
    const key = keyOf(item)
    if (taken.has(key)) continue
    taken.add(key)
    yield previewed(item, { take: listed ? 'listed' : 'related' })
  }
  for (const ref of collection.gone) pods.strike(ref)
  previewing.hooks.push(...previewedHooks(pods.groups()))
  logAfter(log, collection)
  const planned = await planner.ofClaims([...claims.values()])
  for (const { volume } of planned) unclaimed.delete(volume?.metadata.name ?? '')
  const alone = [...unclaimed.values()].map((volume) => planner.ofVolume(volume))
  previewing.volumes.push(...[...planned, ...alone].map(previewedVolume))
  for (const type of previewing.cut.types) {
    if (!type.preferred || !type.verbs.includes('list') || !isCounted(scope, type)) continue
    for await (const object of objectsOf(type, previewing)) {
      const item = { type, namespace: object.metadata.namespace, name: object.metadata.name, object }
      if (!taken.has(keyOf(item))) yield previewed(item, { leave: leaveReason(item, scope, populated) })
    }
  }
}

/** Lists the objects of a type at the version of the backup, where that can be had. */
async function* objectsOf(
  type: ServedType,
  { kube, collection, signal, log }: Previewing,
): AsyncGenerator<KubeObject, void, void> {
  const exact = { resourceVersion: collection.resourceVersion, resourceVersionMatch: 'Exact' as const }
  for (const version of [exact, {}]) {
    let begun = false
    try {
      for await (const page of kube.pages(type, { ...version, signal })) {
        begun = true
        yield* page.items
      }
      return
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      if (version === exact && !begun && error.problem !== 'forbidden') continue
      const fields = { resource: resourceName(type), error: error.message }
      log.warning('What stays out of this type is not known', fields)
      return
    }
  }
}

function leaveReason(item: Item, scope: BackupScope, populated: ReadonlySet<string>): SkipReason | 'made-meanwhile' {
  const isNamespace = resourceName(item.type) === 'namespaces'
  const reason = isNamespace
    ? namespaceSkipReason(item.object, scope, populated.has(item.name))
    : skipReason(item, scope)
  return reason ?? 'made-meanwhile'
}

/** Objects of the other types are counted under another name, or are none that a backup could hold. */
function isCounted(scope: BackupScope, type: ServedType): boolean {
  const decision = takesType(scope, type)
  return decision.take || (decision.reason !== 'cannot-be-backed-up' && decision.reason !== 'seen-under-other-group')
}

function refusedTypes(cut: Cut, scope: BackupScope): PreviewedType[] {
  return cut.types.flatMap((type) => {
    const decision = takesType(scope, type)
    if (decision.take || !type.preferred) return []
    const { reason } = decision
    if (reason !== 'cannot-be-backed-up' && reason !== 'seen-under-other-group') return []
    return [{ resource: resourceName(type), version: type.version, reason }]
  })
}

function previewedVolume({ claim, volume, protection }: PlannedVolume): PreviewedVolume {
  return {
    claim: claim && { namespace: claim.metadata.namespace ?? '', name: claim.metadata.name },
    volume: volume?.metadata.name,
    by: protection.by,
    text: howOf(protection),
  }
}

function howOf(protection: VolumeProtection): string {
  switch (protection.by) {
    case 'csi-snapshot':
      return `snapshot by ${protection.driver}, of class ${protection.snapshotClass}`
    case 'native-snapshot':
      return "the provider's snapshot, where a location knows the volume"
    case 'nothing':
      return protection.text
  }
}

function previewed({ type, namespace, name }: Item, decision: PreviewDecision): PreviewedObject {
  return { apiVersion: apiVersionOf(type), kind: type.kind, resource: resourceName(type), namespace, name, decision }
}

function keyOf({ type, namespace = '', name }: Item): string {
  return `${apiVersionOf(type)}/${type.plural}/${namespace}/${name}`
}

function noting(findings: PreviewFinding[]): RunLog {
  const note =
    (level: LogLevel): RunLog['warning'] =>
    (message, fields = {}) => {
      findings.push({ level, text: resultText(message, fields) })
    }
  return { debug: () => undefined, info: () => undefined, warning: note('warning'), error: note('error') }
}
