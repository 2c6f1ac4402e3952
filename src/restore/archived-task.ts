import type { RestoreWishes } from '#api/restore-wishes.ts'
import type { Remark } from '#apply/outcome.ts'
import type { Leaving, Prepared, Task } from '#apply/task.ts'
import { entryPath } from '#archive/entry-path.ts'
import type { ArchivedEntry, OpenArchive } from '#archive/open.ts'
import type { RunLog } from '#archive/run-log.ts'
import type { RestoredHook } from '#hooks/restore-hooks.ts'
import { type ItemRef, refKey } from '#items/item-ref.ts'
import { beginRestore, finishRestore, prepareNamespace } from '#items/restore-step.ts'
import { sameAsRestored } from '#items/same-as-restored.ts'
import { type KubeObject, type ResourceType, resourceName } from '#kube/object.ts'
import { restoreSelects, restoreSkipReason, targetNamespace } from '#selection/restore-scope.ts'
import { claimProblem, fillingOf, type Filling } from './claimed-snapshots.ts'
import type { GitOpsOwners } from './gitops-owners.ts'
import { restoredGroupOf, type RestoredGroup } from './group-stubs.ts'
import type { ActedItem, RestoreItemActions } from './item-actions.ts'
import type { NativeVolumes } from './native-volumes.ts'
import type { RestoreFacts } from './restore-facts.ts'
import { type Winner, rivalsFor, saysTheSame } from './rivals.ts'

export interface ArchivedTaskOptions extends Pick<
  RestoreFacts,
  'scope' | 'context' | 'hooks' | 'volumesWithData' | 'snapshotTarget' | 'versions' | 'priorities'
> {
  archive: OpenArchive
  log: RunLog
  wishes: RestoreWishes
  /** Undefined when nobody asks who keeps an object by Git. */
  gitOps: GitOpsOwners | undefined
  natives: Pick<NativeVolumes, 'refill'>
  /** Absent in a rehearsal: plug-ins may act on the world. */
  actions?: RestoreItemActions | undefined
}

/** The objects of an archive as tasks: one for each, however often it is asked for. */
export interface ArchivedTasks {
  /** For an object that the restore itself selects. */
  listed(entry: ArchivedEntry): Task
  /** Whether a task has come to this entry's object; final when all tasks are done. */
  took(entry: ArchivedEntry): boolean
  /** Places (`refKey`) of objects that go by another name or type than in the archive; final when all tasks are done. */
  readonly renamed: ReadonlySet<string>
  /** Claims that are to be filled from snapshots, by place (`refKey`); final when all tasks are done. */
  readonly fillings: ReadonlyMap<string, Filling>
  /** Pods in which commands are to be run, by the place (`refKey`) of their outcome; grows as they are prepared. */
  readonly hooked: ReadonlyMap<string, HookedPod>
  /** Groups of which snapshots come back, by handle; grows as these are prepared. */
  readonly groups: ReadonlyMap<string, RestoredGroup>
}

/** A pod as it is restored, and what is to be run in it. */
export interface HookedPod {
  readonly pod: { readonly namespace: string; readonly name: string }
  readonly hooks: readonly RestoredHook[]
  /** Init containers that the pod got for the restore. */
  readonly inits: readonly InitContainer[]
}

/** The parts of an init container that say what it runs. */
export interface InitContainer {
  readonly name: string
  readonly command?: readonly string[] | undefined
  readonly args?: readonly string[] | undefined
}

type Origin = 'listed' | 'related'

/** Makes tasks that read their object, judge its labels and prepare it when their turn comes. */
export function archivedTasks(options: ArchivedTaskOptions): ArchivedTasks {
  const {
    archive,
    scope,
    context,
    hooks,
    volumesWithData,
    snapshotTarget,
    versions,
    log,
    wishes,
    gitOps,
    actions,
    natives,
  } = options
  const comparesExactly = wishes.exact || wishes.policy === 'recreate'
  const listed = new Map<number, Task>()
  const related = new Map<string, Task>()
  const rivals = rivalsFor({ archive, scope, mapping: context.namespaceMapping })
  // An object that a label selector leaves out is restored all the same when another one needs it, and only once.
  const taken = new Set<number>()
  const spoilt = new Set<number>()
  const renamed = new Set<string>()
  const fillings = new Map<string, Filling>()
  const hooked = new Map<string, HookedPod>()
  const groups = new Map<string, RestoredGroup>()

  const read = async (entry: ArchivedEntry): Promise<KubeObject> => {
    try {
      return await archive.read(entry)
    } catch (error) {
      spoilt.add(entry.ordinal)
      throw error
    }
  }
  const prepare = async (entry: ArchivedEntry, origin: Origin): Promise<Prepared> => {
    if (taken.has(entry.ordinal)) return notMeant
    const object = await read(entry)
    const selected = origin === 'related' || restoreSelects(scope, entry.resource, object.metadata.labels ?? {})
    if (!selected) return notMeant
    taken.add(entry.ordinal)
    refuseMisnamed(object, entry)
    const winner = await rivals.winnerOver(entry)
    if (winner !== undefined) return leftFor(winner, { entry, object, log })
    const keptByGit = await gitOps?.ownerOf(object)
    if (keptByGit !== undefined && wishes.skipsGitOpsManaged) {
      return { do: 'leave', skipped: object, because: 'left-to-git', keptByGit, remarks: [] }
    }
    if (entry.resource === 'namespaces') {
      const made = prepareNamespace(targetNamespace(entry.name, context.namespaceMapping), object)
      return { do: 'create', type: typeOf(made, entry), object: made, related: [], keptByGit, remarks: [] }
    }
    const refilled = refills(entry, context) ? await natives.refill(object) : undefined
    if (refilled !== undefined && 'fault' in refilled) {
      return { do: 'fail', failed: object, reason: `its data cannot come back: ${refilled.fault}` }
    }
    const item = {
      resource: entry.resource,
      object: refilled?.volume ?? object,
      refilled: refilled !== undefined,
    }
    const begun = beginRestore(item, context)
    const acted: ActedItem | typeof begun =
      begun.do === 'go-on' && actions !== undefined ? await actions.act(entry, object, begun) : begun
    const step = acted.do === 'go-on' ? finishRestore(item, acted, context) : acted
    if (step.do === 'fail') return { do: 'fail', failed: object, reason: step.message }
    if (step.do === 'skip') {
      const { resource, namespace = '', name } = entry
      log.info('left out', { resource, namespace, name, reason: step.reason })
      const losesData = entry.resource === 'persistentvolumes' && volumesWithData.has(entry.name)
      const remarks = losesData ? [withoutData(entry)] : []
      const because = step.reason
      // Velero does not even count work that was finished when it was backed up.
      return because === 'finished' ? { ...notMeant, because } : { do: 'leave', skipped: object, because, remarks }
    }
    const ownHooks = entry.resource === 'pods' ? hooks.of(step.object) : []
    const inits = entry.resource === 'pods' ? addedInits(object, step.object) : []
    if (ownHooks.length + inits.length > 0) {
      const target = targetOf(entry, context.namespaceMapping)
      const pod = { namespace: target.namespace ?? '', name: step.object.metadata.name }
      hooked.set(refKey({ resource: entry.resource, ...target }), { pod, hooks: ownHooks, inits })
    }
    const ofData =
      entry.resource === 'persistentvolumeclaims'
        ? await claimProblem({ archived: object, desired: step.object }, { archive, target: snapshotTarget })
        : undefined
    const filling = ofData === undefined ? fillingOf(object, step.object) : undefined
    if (filling !== undefined) fillings.set(refKey({ resource: entry.resource, ...filling.claim }), filling)
    const group = restoredGroupOf({ archived: object, desired: step.object }, snapshotTarget)
    if (group !== undefined) groups.set(group.handle, group)
    if (ofData?.fails === true) return { do: 'fail', failed: object, reason: ofData.text }
    for (const reason of step.stopped) log.info(reason, { ...targetOf(entry, context.namespaceMapping) })
    const type = typeOf(step.object, entry)
    const { namespace, name } = step.object.metadata
    const resource = resourceName(type)
    if (name !== entry.name || resource !== entry.resource) renamed.add(refKey({ resource, namespace, name }))
    return {
      do: 'create',
      type,
      object: step.object,
      status: step.status,
      related: step.related.flatMap((ref) => relatedTask(ref, entry)),
      keptByGit,
      isSame: comparesExactly
        ? (live) => sameAsRestored(entry.resource, { live, desired: step.object }, context)
        : undefined,
      ready: 'ready' in acted ? acted.ready : undefined,
      remarks: [...step.problems, ...(ofData === undefined ? [] : [ofData.text])].map((problem) => ({
        severity: 'error',
        message: `${refKey(entry)}: ${problem}`,
      })),
    }
  }
  const taskOf = (entry: ArchivedEntry, origin: Origin): Task => ({
    ...targetOf(entry, context.namespaceMapping),
    resource: entry.resource,
    prepare: () => prepare(entry, origin),
  })
  const relatedTask = (ref: ItemRef, wantedBy: ArchivedEntry): Task[] => {
    const key = refKey(ref)
    const known = related.get(key)
    if (known !== undefined) return [known]
    const { version, preferred = false } = versions.get(ref.resource) ?? {}
    const entry = archive.find(entryPath({ ...ref, version, preferred }))
    if (entry === undefined) return remember(key, missingTask(ref, wantedBy))
    if (restoreSkipReason(entry, scope, 'related') !== undefined) return []
    const own = listed.get(entry.ordinal)
    return remember(key, own !== undefined && scope.selectors.length === 0 ? own : taskOf(entry, 'related'))
  }
  const remember = (key: string, task: Task): Task[] => {
    related.set(key, task)
    return [task]
  }
  return {
    listed(entry) {
      const task = taskOf(entry, 'listed')
      listed.set(entry.ordinal, task)
      rivals.add(entry)
      return task
    },
    renamed,
    fillings,
    hooked,
    groups,
    took: ({ ordinal }) => taken.has(ordinal) || spoilt.has(ordinal),
  }
}

/** Velero drops the later object without a word; where it says something else, somebody has to know. */
function leftFor(
  winner: Winner,
  { entry, object, log }: { entry: ArchivedEntry; object: KubeObject; log: RunLog },
): Prepared {
  const { resource, namespace = '', name } = entry
  log.info('left out', { resource, namespace, name, reason: 'place-taken' })
  const message = `${refKey(entry)} is not restored: ${refKey(winner.entry)} comes to the same place and is not the same`
  const remarks: Remark[] = saysTheSame(winner.object, object) ? [] : [{ severity: 'warning', message }]
  return { ...notMeant, because: 'place-taken', remarks }
}

const notMeant: Leaving = { do: 'leave', remarks: [] }

function refills({ resource, name }: ArchivedEntry, { volumes }: RestoreFacts['context']): boolean {
  return resource === 'persistentvolumes' && volumes.get(name) === 'from-native-snapshot'
}

/** An empty volume in place of the data would look like success. */
function withoutData(entry: ArchivedEntry): Remark {
  const message = `${refKey(entry)} is not restored: its data were backed up, but this version cannot bring data of volumes back`
  return { severity: 'error', message }
}

/** A task that only says that the object is not in the archive, where its own remarks belong. */
function missingTask(ref: ItemRef, wantedBy: ArchivedEntry): Task {
  const message = `${refKey(ref)} is not in the backup, but ${refKey(wantedBy)} needs it`
  return {
    resource: ref.resource,
    namespace: ref.namespace,
    name: ref.name,
    prepare: () => Promise.resolve({ do: 'leave', remarks: [{ severity: 'warning', message }] }),
  }
}

function targetOf({ resource, namespace, name }: ArchivedEntry, mapping: Readonly<Record<string, string>> | undefined) {
  if (resource === 'namespaces') return { namespace: undefined, name: targetNamespace(name, mapping) }
  return { namespace: namespace === undefined ? undefined : targetNamespace(namespace, mapping), name }
}

/** The type under which the object was archived. A server that no longer serves this version says so. */
function typeOf({ apiVersion, kind }: KubeObject, { resource, namespace }: ArchivedEntry): ResourceType {
  const slash = apiVersion.indexOf('/')
  const group = slash < 0 ? '' : apiVersion.slice(0, slash)
  return {
    group,
    version: apiVersion.slice(slash + 1),
    // A modifier may have moved the object into another group.
    plural: resource.split('.', 1)[0] ?? resource,
    kind,
    namespaced: namespace !== undefined,
  }
}

function refuseMisnamed({ metadata }: KubeObject, { path, name, namespace }: ArchivedEntry): void {
  if (metadata.name === name && (metadata.namespace ?? undefined) === namespace) return
  throw new Error(`${path} holds another object, ${metadata.namespace ?? ''}/${metadata.name}`)
}

/** In the order in which they run. */
function addedInits(archived: KubeObject, restored: KubeObject): InitContainer[] {
  const initsOf = (pod: KubeObject): InitContainer[] =>
    (pod['spec'] as { initContainers?: InitContainer[] | null } | null | undefined)?.initContainers ?? []
  const own = new Set(initsOf(archived).map(({ name }) => name))
  return initsOf(restored).filter(({ name }) => !own.has(name))
}
