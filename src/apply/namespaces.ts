import { setTimeout as sleep } from 'node:timers/promises'
import { type OwnRestore, restoreManager, updatedByRestore } from '#items/existing.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { Namespaces, type KubeObject } from '#kube/object.ts'

/** How a namespace came to be there. */
export type Presence = 'created' | 'existing'

export interface NamespaceOptions {
  /** How a namespace that is not there is to be made; asked once for each. */
  manifest: (name: string) => Promise<KubeObject>
  /** How long a namespace that is being deleted is waited for, in milliseconds. */
  patience: number
  /** Set when an earlier run of this restore was cut off: the namespaces it made count as made by this one. */
  resumes?: OwnRestore | undefined
  signal?: AbortSignal | undefined
}

/** The namespaces of the target cluster, made on demand. */
export interface TargetNamespaces {
  /** Makes sure that the namespace is there, once for each name: later calls get the first one's answer or error (KubeError). `first` is true for one call only. */
  ensure(name: string): Promise<{ presence: Presence; first: boolean }>
  /** True for the first one who asks after `ensure` failed for `name`. */
  firstFailure(name: string): boolean
  /** Resolves when the namespace is no longer being deleted, or can no longer be waited for; undefined when nothing is in the way. */
  gate(name: string): Promise<void> | undefined
  /** True when this run created it. */
  isNew(name: string): boolean
}

/** Makes each namespace once by `make`, and counts its first failure. */
export function onceForEach(
  make: (name: string) => Promise<Presence>,
): Pick<TargetNamespaces, 'ensure' | 'firstFailure'> {
  const ensured = new Map<string, Promise<Presence>>()
  const failed = new Set<string>()
  return {
    async ensure(name) {
      const known = ensured.get(name)
      if (known !== undefined) return { presence: await known, first: false }
      const making = make(name)
      ensured.set(name, making)
      return { presence: await making, first: true }
    },
    firstFailure(name) {
      if (failed.has(name)) return false
      failed.add(name)
      return true
    },
  }
}

const POLL_MS = 500
/** How often a create is tried while the server is out of reach, and the first pause, which doubles. */
const TRIES = 5
const FIRST_PAUSE_MS = 250

function beingDeleted(namespace: KubeObject): boolean {
  return namespace.metadata.deletionTimestamp !== undefined
}

function isForbidden(error: unknown): boolean {
  return error instanceof KubeError && error.problem === 'forbidden'
}

/** Namespaces carry no label of their restore, as Velero's do not. */
function isOwn(namespace: KubeObject, restore: OwnRestore): boolean {
  return (namespace.metadata.creationTimestamp ?? '') >= restore.createdAt && updatedByRestore(namespace, restore)
}

/** Creates a namespace that was not there a moment ago, with another call when the answer to the first was lost. Rejects with KubeError. */
async function createNamespace(
  kube: KubeClient,
  namespace: KubeObject,
  { patience, signal }: Pick<NamespaceOptions, 'patience' | 'signal'>,
): Promise<Presence> {
  const { name } = namespace.metadata
  let answerLost = false
  for (let tries = 1, pause = FIRST_PAUSE_MS; ; tries += 1, pause *= 2) {
    try {
      await kube.create(Namespaces, namespace, { fieldManager: restoreManager, signal })
      return 'created'
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      if (error.problem === 'already-exists') {
        const live = await kube.find(Namespaces, name, { signal })
        if (live === undefined || beingDeleted(live)) throw stillBeingDeleted(name, patience)
        return answerLost && writtenByRestore(live) ? 'created' : 'existing'
      }
      if (error.problem !== 'unreachable' || tries === TRIES) throw error
      answerLost = true
    }
    await sleep(pause, undefined, { signal })
  }
}

function stillBeingDeleted(name: string, patience: number): KubeError {
  return new KubeError(
    'already-exists',
    `namespace ${name} is still being deleted after ${Math.round(patience / 1_000)} s; find what holds it (kubectl get namespace ${name} -o yaml, status.conditions) and restore it again`,
    { object: `namespaces ${name}` },
  )
}

/** Since it was not there when the run began, no older restore can have written it. */
function writtenByRestore(namespace: KubeObject): boolean {
  return updatedByRestore(namespace, { createdAt: '' })
}

/** Reads which namespaces the cluster has; without the right to list them they are looked at one by one. Rejects with KubeError. */
export async function targetNamespaces(kube: KubeClient, options: NamespaceOptions): Promise<TargetNamespaces> {
  const { manifest, patience, resumes, signal } = options
  const present = new Set<string>()
  const created = new Set<string>()
  const terminating = new Set<string>()
  const gates = new Map<string, Promise<void>>()
  const deadline = Date.now() + patience

  const waitUntilGone = async (name: string): Promise<void> => {
    while (Date.now() < deadline) {
      const live = await kube.find(Namespaces, name, { signal })
      if (live === undefined || !beingDeleted(live)) return
      await sleep(POLL_MS, undefined, { signal })
    }
  }
  const make = async (name: string): Promise<Presence> => {
    if (created.has(name)) return 'created'
    if (present.has(name) || (!listed && (await seemsPresent(name)))) return 'existing'
    const presence = await createNamespace(kube, await manifest(name), { patience, signal })
    if (presence === 'created') created.add(name)
    return presence
  }

  /** Where namespaces may not even be read, those that somebody restores into are taken for granted. */
  const seemsPresent = async (name: string): Promise<boolean> => {
    try {
      return (await kube.find(Namespaces, name, { signal })) !== undefined
    } catch (error) {
      if (isForbidden(error)) return true
      throw error
    }
  }
  const take = (namespace: KubeObject): void => {
    const { name } = namespace.metadata
    if (beingDeleted(namespace)) terminating.add(name)
    else if (resumes !== undefined && isOwn(namespace, resumes)) created.add(name)
    else present.add(name)
  }
  let listed = true
  try {
    for await (const { items } of kube.pages(Namespaces, { signal })) items.forEach(take)
  } catch (error) {
    if (!isForbidden(error)) throw error
    listed = false
  }
  /** Only namespaces that somebody asks for are watched. */
  const gateOf = (name: string): Promise<void> | undefined => {
    if (!terminating.has(name)) return undefined
    let gate = gates.get(name)
    if (gate === undefined) {
      gate = waitUntilGone(name).finally(() => terminating.delete(name))
      // Whoever waits sees the rejection; without anybody waiting it must not end the process.
      gate.catch(() => undefined)
      gates.set(name, gate)
    }
    return gate
  }
  return {
    ...onceForEach(make),
    gate: gateOf,
    isNew: (name) => created.has(name),
  }
}
