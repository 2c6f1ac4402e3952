import { type ObjectDecision, decideObject } from '#items/decision.ts'
import type { OwnRestore } from '#items/existing.ts'
import { KubeError } from '#kube/error.ts'
import type { CreateOptions } from './create-object.ts'
import { completeObject, createObject, endsTheRun, refusal, restoreFailure, saysItExists } from './create-object.ts'
import type { CustomTypes } from './custom-types.ts'
import type { DefaultAccounts } from './default-accounts.ts'
import { Namespaces, type KubeObject } from '#kube/object.ts'
import { type Settled, settleExisting } from './existing-object.ts'
import type { LiveObjects, Place } from './live-objects.ts'
import type { TargetNamespaces } from './namespaces.ts'
import type { Outcome } from './outcome.ts'
import type { Rehearsal } from './rehearsal.ts'
import { recreateObject } from './recreate-object.ts'
import type { Leaving, Prepared, Task } from './task.ts'

/** Everything one object meets on its way into the cluster. */
export interface Target extends CreateOptions {
  namespaces: TargetNamespaces
  accounts: DefaultAccounts
  types: CustomTypes
  live: LiveObjects
  /** What happens to objects that are there already: `spec.existingResourcePolicy`, or `recreate`. */
  policy: string | undefined
  /** Set when live objects that are kept by Git are left alone: the names of the Argo CD Applications there are. */
  leavesToGit: ReadonlySet<string> | undefined
  /** How long an object that is recreated may take to be gone, in milliseconds. */
  deletionPatience: number
  /** Whose objects are finished as if they had just been made. */
  resumes: OwnRestore | undefined
  /** Set when nothing is to be written; then the other parts are such as do not write or wait. */
  rehearsal?: Rehearsal | undefined
}

type ToCreate = Extract<Prepared, { do: 'create' }>

/** Puts one prepared object into the cluster; gives its own outcome and that of a namespace made for it. Rejects only with what ends the run. */
export async function applyTask(task: Task, prepared: ToCreate, target: Target): Promise<Outcome[]> {
  const { namespaces } = target
  if (task.resource === 'namespaces') {
    const { presence, problem, first } = await presentNamespace(task.name, target)
    if (problem !== undefined) return [outcomeOf(task, prepared, failure(restoreFailure(task.resource, task, problem)))]
    // A namespace that is there is used as it is; Velero does not count it either. Another one may have come to the same place.
    const here = outcomeOf(task, prepared, { action: undefined, remarks: [] })
    if (presence === 'existing' || !first) return [{ ...here, because: 'namespace-exists', counts: false }]
    return [{ ...here, action: 'created', rehearsed: rehearsedNamespace(task.name, target) }]
  }
  const outcomes: Outcome[] = []
  if (task.namespace !== undefined) {
    const { presence, problem, first } = await presentNamespace(task.namespace, target)
    if (problem !== undefined) {
      // Said once: the other objects of the namespace are listed as failed.
      return [outcomeOf(task, prepared, first ? failure(problem) : { action: 'failed', remarks: [] })]
    }
    if (presence === 'created' && first) outcomes.push(madeOnDemand(task.namespace, target))
    if (namespaces.isNew(task.namespace) && needsDefaultAccount(prepared)) await target.accounts.there(task.namespace)
  }
  outcomes.push(outcomeOf(task, prepared, await settle(task, prepared, target)))
  return outcomes
}

/** The outcome of a task that came to `action` in whatever way. */
export function outcomeOf(
  task: Task,
  prepared: ToCreate | undefined,
  { action, remarks, because, rehearsed }: Settled,
): Outcome {
  return {
    resource: task.resource,
    kind: prepared && kindOf(prepared.object),
    namespace: task.namespace,
    name: task.name,
    action,
    remarks: prepared === undefined ? remarks : [...prepared.remarks, ...remarks],
    because,
    keptByGit: prepared?.keptByGit,
    rehearsed,
    counts: true,
  }
}

/** The outcome of a task whose object is not put into the cluster. */
export function leftAlone(task: Task, { skipped, because, keptByGit, remarks }: Leaving): Outcome {
  const end = outcomeOf(task, undefined, { action: skipped && 'skipped', because, remarks })
  return { ...end, kind: skipped && kindOf(skipped), keptByGit, counts: skipped !== undefined }
}

function kindOf({ apiVersion, kind }: KubeObject): NonNullable<Outcome['kind']> {
  return { apiVersion, kind }
}

function madeOnDemand(name: string, target: Target): Outcome {
  const kind = { apiVersion: 'v1', kind: Namespaces.kind }
  const made = { resource: 'namespaces', kind, namespace: undefined, name }
  return { ...made, action: 'created', remarks: [], rehearsed: rehearsedNamespace(name, target), counts: true }
}

/** A namespace that is being deleted still takes the name, so that the server cannot be asked. */
function rehearsedNamespace(name: string, { rehearsal }: Target): Outcome['rehearsed'] {
  return rehearsal === undefined
    ? undefined
    : { unchecked: rehearsal.unchecked({ type: Namespaces, namespace: undefined, name }) }
}

function failure(message: string): Settled {
  return { action: 'failed', remarks: [{ severity: 'error', message }] }
}

async function presentNamespace(name: string, { namespaces }: Target) {
  try {
    return { ...(await namespaces.ensure(name)), problem: undefined }
  } catch (error) {
    if (!(error instanceof KubeError) || endsTheRun(error)) throw error
    return { presence: undefined, first: namespaces.firstFailure(name), problem: refusal(error) }
  }
}

/** True for what the cluster's own `default` account is needed for, and for that account itself. */
function needsDefaultAccount({ object }: ToCreate): boolean {
  if (object.kind === 'ServiceAccount') return object.metadata.name === 'default'
  if (object.kind !== 'Pod') return false
  const account = (object['spec'] as { serviceAccountName?: string } | undefined)?.serviceAccountName
  return account === undefined || account === '' || account === 'default'
}

interface Work {
  place: Place
  task: Task
  prepared: ToCreate
}

/** Gathers what the decision rests on, decides, acts; once more when the cluster turns out to be otherwise. */
async function settle(task: Task, prepared: ToCreate, target: Target): Promise<Settled> {
  const { object: desired, type } = prepared
  // A resource modifier may have given it another name than it has in the backup.
  const place: Place = { type, namespace: task.namespace, name: desired.metadata.name }
  const work = { place, task, prepared }
  const unserved = target.types.problem(task.resource)
  if (unserved !== undefined) return failure(restoreFailure(task.resource, task, unserved))
  const { live, rehearsal } = target
  const seen = rehearsal === undefined ? await live.seen(place) : await rehearsal.live(place, live)
  return await act(work, seen, target)
}

async function act(work: Work, live: KubeObject | undefined, target: Target): Promise<Settled> {
  const { place, prepared } = work
  const { object: desired, isSame } = prepared
  const { policy, resumes, leavesToGit } = target
  const decision: ObjectDecision = decideObject({ live, desired, policy, resumes, leavesToGit, isSame })
  if (decision.do === 'create' || live === undefined) return await create(work, target)
  if (decision.do === 'finish') return await complete(work, live, target)
  if (decision.do === 'updated') return { action: 'updated', remarks: [] }
  if (decision.do === 'recreate') {
    const end = await recreateObject(place, { live, creation: prepared }, target)
    return 'made' in end ? { ...(await complete(work, end.made, target)), action: 'recreated' } : end.settled
  }
  return await settleExisting(place, { live, desired, decision }, target)
}

async function create(work: Work, target: Target): Promise<Settled> {
  const { place, task, prepared } = work
  const { rehearsal } = target
  const unchecked = rehearsal?.unchecked(place)
  if (unchecked !== undefined) return planned(work, prepared.object, { unchecked, target })
  try {
    const created = await createObject(place, prepared, target)
    target.live.created(place)
    return await complete(work, created, target)
  } catch (error) {
    if (!(error instanceof KubeError) || endsTheRun(error)) throw error
    const live = await liveDespite(error, place, target)
    if (live !== undefined) return await act(work, live, target)
    const excuse = rehearsal?.excuse(prepared.object)
    if (excuse !== undefined) return planned(work, prepared.object, { unchecked: excuse, target })
    return failure(restoreFailure(task.resource, task, refusal(error)))
  }
}

/**
 * The live object when a create was refused although, or because, it is there: the server judges what it is sent before it
 * looks whether the name is free.
 */
async function liveDespite(error: KubeError, place: Place, target: Target): Promise<KubeObject | undefined> {
  const exists = saysItExists(error, place)
  if (!exists && error.problem !== 'invalid' && error.problem !== 'forbidden') return undefined
  try {
    if (exists) return await target.live.existing(place)
    return await target.kube.find(place.type, place.name, { namespace: place.namespace, signal: target.signal })
  } catch (unknown) {
    if (!(unknown instanceof KubeError) || endsTheRun(unknown)) throw unknown
    return undefined
  }
}

async function complete(work: Work, created: KubeObject, target: Target): Promise<Settled> {
  const { place, prepared } = work
  if (target.rehearsal !== undefined) return planned(work, created, { unchecked: undefined, target })
  if (isDefinition(work.task)) target.types.expect(created)
  const { object: archived, status } = prepared
  return { action: 'created', remarks: await completeObject(place, { archived, created, status }, target) }
}

/** What a rehearsal notes of an object that would be created. */
function planned(
  { place, task }: Work,
  object: KubeObject,
  { unchecked, target }: { unchecked: string | undefined; target: Target },
): Settled {
  target.rehearsal?.created(place)
  if (isDefinition(task)) target.types.expect(object)
  return { action: 'created', remarks: [], rehearsed: { unchecked } }
}

function isDefinition({ resource }: Task): boolean {
  return resource === 'customresourcedefinitions.apiextensions.k8s.io'
}
