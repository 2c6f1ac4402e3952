import { Backups } from '#api/backup.ts'
import { hasEnded } from '#api/phases.ts'
import { KubeError } from '#kube/error.ts'
import { Namespaces, type KubeObject } from '#kube/object.ts'
import { messageOf, type Environment } from '#runtime/controller.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import { atOnce } from './at-once.ts'
import type { BackupExtract, BackupLedger } from './backup-ledger.ts'
import { queueStep, type QueueChange } from './backup-queue.ts'
import { inTurn } from './in-turn.ts'
import { patchLasting } from './status-patch.ts'

/** Gives backups their turn. */
export interface BackupTurns {
  /** Looks at all backups of the namespace and writes their places; those that may start are woken by that. Rejects with KubeError. */
  pass(environment: Environment): Promise<void>
  /** Whether those that wait are looked at from time to time without anybody asking. */
  readonly isAwake: boolean
  /** Says of a backup in progress that it does nothing for now, so that others may go on, or that it does something again. */
  rest(name: string, rests: boolean): void
}

interface TurnOptions {
  /** Backups made at a time. */
  readonly concurrent: number
  /** Which backups there are; whoever has just been seen for the first time is among them. */
  readonly known: BackupLedger
}

interface Turning extends TurnOptions {
  readonly environment: Environment
  readonly resting: ReadonlySet<string>
  readonly namespaces: (options: { fresh: boolean }) => Promise<KubeObject[]>
}

/** When those that wait are looked at again, should somebody have missed that a place got free. */
const RECHECK_MS = 20_000
/** Passes that follow each other like this share a look at the namespaces. */
const SHARED_MS = 2000
/** When somebody else has written to a backup meanwhile. */
const STALE_PAUSE_MS = 200
const MOST_TRIES = 5

/** Passes run one after another, since each builds on what the one before has written. Those who ask while one waits for its turn share it. */
export function backupTurns(options: TurnOptions): BackupTurns {
  const oneByOne = inTurn()
  const resting = new Set<string>()
  const namespaces = sharedNamespaces()
  let next: Promise<void> | undefined
  let timer: NodeJS.Timeout | undefined
  const pass = (environment: Environment): Promise<void> => {
    next ??= oneByOne(async () => {
      next = undefined
      if (environment.signal.aborted) return
      wakeLater(environment)
      const wait = await once({ ...options, environment, resting, namespaces: (how) => namespaces(environment, how) })
      if (!wait) sleepOn()
    })
    return next
  }
  const sleepOn = (): void => {
    clearTimeout(timer)
    timer = undefined
  }
  const wakeLater = (environment: Environment): void => {
    sleepOn()
    const again = (): void =>
      void pass(environment).catch((error: unknown) =>
        environment.log.warn({ error: messageOf(error) }, 'cannot look at the queue of backups, trying again later'),
      )
    timer = setTimeout(again, RECHECK_MS).unref()
  }
  return {
    pass,
    get isAwake() {
      return timer !== undefined
    },
    rest: (name, rests) => void (rests ? resting.add(name) : resting.delete(name)),
  }
}

/** Gives whether somebody still waits. Nothing is read first: whoever was changed meanwhile is not written to, and then all is decided anew. */
async function once({ known, concurrent, environment, resting, namespaces }: Turning): Promise<boolean> {
  for (let tries = 1; ; tries += 1) {
    const open = (await known.all(environment)).filter(({ phase }) => !hasEnded(phase))
    if (!open.some(({ waits }) => waits)) return false
    // A newcomer may be of a namespace that is as new.
    const fresh = open.some(({ waits, phase }) => waits && phase !== 'Queued')
    // One alone is in nobody's way.
    const places = open.length === 1 ? [] : await namespaces({ fresh })
    const changes = queueStep(open, { namespaces: places, concurrent, resting })
    const byName = new Map(open.map((backup) => [backup.name, backup]))
    let stale = false
    await atOnce(changes, async (change) => {
      const seen = byName.get(change.name)
      if (seen !== undefined && !(await wrote(change, seen, { known, environment }))) stale = true
    })
    if (!stale || tries === MOST_TRIES) return true
    await sleep(STALE_PAUSE_MS, undefined, { signal: environment.signal })
  }
}

/** False when the backup is not what it was when it was `seen`. */
async function wrote(
  { name, phase, queuePosition }: QueueChange,
  { resourceVersion }: BackupExtract,
  { known, environment: { kube, namespace, log } }: Pick<Turning, 'known' | 'environment'>,
): Promise<boolean> {
  log.debug({ backup: name, phase, queuePosition }, 'place in the queue')
  const change = { metadata: { resourceVersion }, status: { phase, queuePosition: queuePosition || null } }
  try {
    const backup = await patchLasting(kube, Backups, { name, namespace, change })
    if (backup === undefined) known.strike(name)
    else known.wrote(backup)
    return true
  } catch (error) {
    if (error instanceof KubeError && error.problem === 'conflict') return false
    throw error
  }
}

function sharedNamespaces(): (environment: Environment, how: { fresh: boolean }) => Promise<KubeObject[]> {
  let last: KubeObject[] = []
  let read = Number.NEGATIVE_INFINITY
  return async ({ kube, signal }, { fresh }) => {
    const now = performance.now()
    if (!fresh && now - read < SHARED_MS) return last
    last = (await Array.fromAsync(kube.pages(Namespaces, { signal }))).flatMap(({ items }) => items)
    read = now
    return last
  }
}
