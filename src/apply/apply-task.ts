import { madeByRestore, type OwnRestore } from '#items/existing.ts'
import { KubeError } from '#kube/error.ts'
import type { CreateOptions } from './create-object.ts'
import { completeObject, createObject, endsTheRun, refusal, restoreFailure, saysItExists } from './create-object.ts'
import type { CustomTypes } from './custom-types.ts'
import type { DefaultAccounts } from './default-accounts.ts'
import type { KubeObject } from '#kube/object.ts'
import { type Settled, settleExisting } from './existing-object.ts'
import type { LiveObjects, Place } from './live-objects.ts'
import { Namespaces, type TargetNamespaces } from './namespaces.ts'
import type { Outcome } from './outcome.ts'
import type { Prepared, Task } from './task.ts'

/** Everything one object meets on its way into the cluster. */
export interface Target extends CreateOptions {
  namespaces: TargetNamespaces
  accounts: DefaultAccounts
  types: CustomTypes
  live: LiveObjects
  /** What happens to objects that are there already: `spec.existingResourcePolicy`. */
  policy: string | undefined
  /** Whose objects are finished as if they had just been made. */
  resumes: OwnRestore | undefined
}

type ToCreate = Extract<Prepared, { do: 'create' }>

/** Puts one prepared object into the cluster; gives its own outcome and that of a namespace made for it. Rejects only with what ends the run. */
export async function applyTask(task: Task, prepared: ToCreate, target: Target): Promise<Outcome[]> {
  const { namespaces } = target
  if (task.resource === 'namespaces') {
    const { presence, problem } = await presentNamespace(task.name, target)
    if (problem !== undefined) return [outcomeOf(task, prepared, failure(restoreFailure(task.resource, task, problem)))]
    // A namespace that is there is used as it is; Velero does not count it either.
    const here = outcomeOf(task, prepared, { action: undefined, remarks: [] })
    return [presence === 'created' ? { ...here, action: 'created' } : { ...here, counts: false }]
  }
  const outcomes: Outcome[] = []
  if (task.namespace !== undefined) {
    const { presence, problem, first } = await presentNamespace(task.namespace, target)
    if (problem !== undefined) {
      // Said once: the other objects of the namespace are listed as failed.
      return [outcomeOf(task, prepared, first ? failure(problem) : { action: 'failed', remarks: [] })]
    }
    if (presence === 'created' && first) outcomes.push(madeOnDemand(task.namespace))
    if (namespaces.isNew(task.namespace) && needsDefaultAccount(prepared)) await target.accounts.there(task.namespace)
  }
  outcomes.push(outcomeOf(task, prepared, await settle(task, prepared, target)))
  return outcomes
}

/** The outcome of a task that came to `action` in whatever way. */
export function outcomeOf(
  task: Task,
  prepared: ToCreate | undefined,
  { action, remarks }: Pick<Outcome, 'action' | 'remarks'>,
): Outcome {
  return {
    resource: task.resource,
    kind: prepared && kindOf(prepared.object),
    namespace: task.namespace,
    name: task.name,
    action,
    remarks: prepared === undefined ? remarks : [...prepared.remarks, ...remarks],
    counts: true,
  }
}

/** The outcome of a task whose object is not put into the cluster. */
export function leftAlone(task: Task, { skipped, remarks }: Extract<Prepared, { do: 'leave' }>): Outcome {
  const end = outcomeOf(task, undefined, { action: skipped && 'skipped', remarks })
  return { ...end, kind: skipped && kindOf(skipped), counts: skipped !== undefined }
}

function kindOf({ apiVersion, kind }: KubeObject): NonNullable<Outcome['kind']> {
  return { apiVersion, kind }
}

function madeOnDemand(name: string): Outcome {
  const kind = { apiVersion: 'v1', kind: Namespaces.kind }
  const made = { resource: 'namespaces', kind, namespace: undefined, name }
  return { ...made, action: 'created', remarks: [], counts: true }
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

async function settle(task: Task, prepared: ToCreate, target: Target): Promise<Settled> {
  const { object: desired, type } = prepared
  // A resource modifier may have given it another name than it has in the backup.
  const place: Place = { type, namespace: task.namespace, name: desired.metadata.name }
  const unserved = target.types.problem(task.resource)
  if (unserved !== undefined) return failure(restoreFailure(task.resource, task, unserved))

  const seen = await target.live.seen(place)
  if (seen !== undefined) return await settleLive(place, { live: seen, task, prepared }, target)
  try {
    const created = await createObject(place, desired, target)
    target.live.created(place)
    return await complete(place, { created, task, prepared }, target)
  } catch (error) {
    if (!(error instanceof KubeError) || endsTheRun(error)) throw error
    const live = saysItExists(error, place) ? await target.live.existing(place) : undefined
    if (live !== undefined) return await settleLive(place, { live, task, prepared }, target)
    return failure(restoreFailure(task.resource, task, refusal(error)))
  }
}

interface Work {
  task: Task
  prepared: ToCreate
}

async function complete(
  place: Place,
  { created, task, prepared }: Work & { created: KubeObject },
  target: Target,
): Promise<Settled> {
  if (task.resource === 'customresourcedefinitions.apiextensions.k8s.io') target.types.expect(created)
  const { object: archived, status } = prepared
  return { action: 'created', remarks: await completeObject(place, { archived, created, status }, target) }
}

/** An object that is there: somebody else's, or one that this restore made before it was cut off. */
async function settleLive(
  place: Place,
  { live, task, prepared }: Work & { live: KubeObject },
  target: Target,
): Promise<Settled> {
  if (target.resumes !== undefined && madeByRestore(live, target.resumes)) {
    return await complete(place, { created: live, task, prepared }, target)
  }
  return await settleExisting(place, { live, desired: prepared.object }, target)
}
