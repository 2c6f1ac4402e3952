import { setTimeout as sleep } from 'node:timers/promises'
import { labelKeys } from '#api/labels.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject } from '#kube/object.ts'
import type { Place } from './live-objects.ts'
import { creatingManager, needsExactManagers, sentObject } from './managed-fields.ts'
import type { Remark } from './outcome.ts'
import type { Pace } from './pace.ts'

export interface CreateOptions {
  kube: KubeClient
  pace: Pace
  signal?: AbortSignal | undefined
}

/** How often a create is tried while the server is busy or out of reach, and the first pause, which doubles. */
const TRIES = 5
const FIRST_PAUSE_MS = 250
/** Admission judges pods by caches: a PriorityClass that was created a moment ago may be missing in them. Pauses before the next tries. */
const ADMISSION_PAUSES_MS = [250, 500, 1000, 2000]

/** True for failures that every other object would meet too. */
export function endsTheRun(error: unknown): boolean {
  if (!(error instanceof KubeError)) return true
  return error.problem === 'unreachable' || error.problem === 'unauthorized' || error.problem === 'certificate'
}

/** The server's own words for why it refused, as Velero reports them. */
export function refusal(error: KubeError): string {
  // Without a Status in the answer it is the path that does not exist: the server does not serve this type.
  if (error.problem === 'not-found' && error.reason === '') return 'the server could not find the requested resource'
  return error.serverMessage || error.message
}

/** Velero's sentence for an object that could not be created. */
export function restoreFailure(resource: string, place: Omit<Place, 'type'>, reason: string): string {
  const address = [resource, place.namespace, place.name].filter((part) => part !== undefined).join('/')
  return `error restoring ${address}: ${reason}`
}

/**
 * True when a create failed because the object is there. A Service may also be refused for a port that it has itself (spec/restore §6, 12).
 */
export function saysItExists(error: KubeError, place: Place): boolean {
  if (error.problem === 'already-exists') return true
  return (
    place.type.plural === 'services' &&
    error.causes.length > 0 &&
    error.causes.every(({ message }) => message?.includes('provided port is already allocated') === true)
  )
}

/** What is created. With a `status` to be written afterwards the server's own version of the object is needed. */
export interface Creation {
  object: KubeObject
  status?: unknown
}

/**
 * Creates the object with one call, or with another one after the answer to it was lost. Gives it as the server made it when
 * there is a `status`, as it was sent otherwise. Rejects with KubeError.
 */
export async function createObject(place: Place, creation: Creation, options: CreateOptions): Promise<KubeObject> {
  const { pace, signal } = options
  const { object } = creation
  const fieldManager = creatingManager(object)
  const admissionPauses = namesPriorityClass(place, object) ? ADMISSION_PAUSES_MS.values() : [].values()
  let answerLost = false
  for (let tries = 1, pause = FIRST_PAUSE_MS; ; tries += 1, pause *= 2) {
    const started = performance.now()
    try {
      const created = await sendObject(place, creation, { ...options, fieldManager })
      pace.note({ milliseconds: performance.now() - started, refused: false })
      return created
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      pace.note({ milliseconds: performance.now() - started, refused: error.problem === 'busy' })
      const own = answerLost && error.problem === 'already-exists' ? await ownOf(place, object, options) : undefined
      if (own !== undefined) return own
      answerLost ||= error.problem === 'unreachable'
      const admissionPause = error.problem === 'forbidden' ? admissionPauses.next().value : undefined
      if (admissionPause !== undefined) {
        await sleep(admissionPause, undefined, { signal })
      } else if (tries < TRIES && (error.problem === 'busy' || error.problem === 'unreachable')) {
        await sleep(pause, undefined, { signal })
      } else {
        throw error
      }
    }
  }
}

async function sendObject(
  { type, namespace }: Place,
  { object, status }: Creation,
  { kube, fieldManager, signal }: CreateOptions & { fieldManager: string | undefined },
): Promise<KubeObject> {
  const how = { namespace, fieldManager, signal }
  const sent = sentObject(object)
  if (status !== undefined) return await kube.create(type, sent, how)
  await kube.createUnread(type, sent, how)
  return object
}

/** The live object when it is the one that was sent: it has the label of the same restore. */
async function ownOf(place: Place, sent: KubeObject, { kube, signal }: CreateOptions): Promise<KubeObject | undefined> {
  const live = await kube.find(place.type, place.name, { namespace: place.namespace, signal })
  const restore = sent.metadata.labels?.[labelKeys.restoreName]
  return restore !== undefined && live?.metadata.labels?.[labelKeys.restoreName] === restore ? live : undefined
}

function namesPriorityClass({ type }: Place, { spec }: KubeObject): boolean {
  return (
    type.plural === 'pods' &&
    typeof (spec as { priorityClassName?: unknown } | undefined)?.priorityClassName === 'string'
  )
}

/** What is left to do after a create: managers written back where they must be exact, and the status. Failures are remarks, as Velero's. */
export async function completeObject(
  place: Place,
  { archived, created, status }: { archived: KubeObject; created: KubeObject; status: unknown },
  options: CreateOptions,
): Promise<Remark[]> {
  const remarks: Remark[] = []
  if (status !== undefined) {
    const problem = await reasonOf(() => writeStatus(place, { ...created, status }, options))
    if (problem !== undefined) remarks.push({ severity: 'warning', message: refusal(problem) })
  }
  if (needsExactManagers(archived)) {
    const patch = { merge: { metadata: { managedFields: archived.metadata.managedFields } } }
    const { kube, signal } = options
    const problem = await reasonOf(() =>
      kube.patch(place.type, place.name, patch, { namespace: place.namespace, signal }),
    )
    // A controller may have removed the object already.
    const severity = problem?.problem === 'not-found' ? 'warning' : 'error'
    if (problem !== undefined) remarks.push({ severity, message: refusal(problem) })
  }
  return remarks
}

async function writeStatus(place: Place, object: KubeObject, { kube, signal }: CreateOptions): Promise<void> {
  const { type, namespace, name } = place
  let current: KubeObject | undefined = object
  for (let tries = 1; current !== undefined; tries += 1) {
    try {
      await kube.replace(type, current, { namespace, subresource: 'status', signal })
      return
    } catch (error) {
      if (!(error instanceof KubeError) || error.problem !== 'conflict' || tries === TRIES) throw error
      const live: KubeObject | undefined = await kube.find(type, name, { namespace, signal })
      current = live === undefined ? undefined : { ...live, status: object['status'] }
    }
  }
}

/** What one object met in `work`, unless every other would meet it too: then it rejects. */
export async function reasonOf(work: () => Promise<unknown>): Promise<KubeError | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    if (error instanceof KubeError && !endsTheRun(error)) return error
    throw error
  }
}
