import { Backups, type Backup } from '#api/backup.ts'
import { hasEnded } from '#api/phases.ts'
import { readObject } from '#api/read.ts'
import { Namespaces, type KubeObject } from '#kube/object.ts'
import type { Environment } from '#runtime/controller.ts'
import { atOnce } from './at-once.ts'
import type { KnownBackups } from './backup-ledger.ts'
import { isWaiting, queueStep } from './backup-queue.ts'
import { inTurn } from './in-turn.ts'
import { patchLasting } from './status-patch.ts'

/** Gives backups their turn. */
export interface BackupTurns {
  /** Looks at all backups of the namespace and writes their places; those that may start are woken by that. Rejects with KubeError. */
  pass(environment: Environment): Promise<void>
  /** As `pass`, unless the last one began less than so many ms ago. */
  look(environment: Environment, millis: number): Promise<void>
}

interface TurnOptions {
  /** Backups made at a time. */
  readonly concurrent: number
  /** Which backups there are; whoever has just been seen for the first time is among them. */
  readonly known: KnownBackups
}

/** Passes run one after another, since each builds on what the one before has written. Those who ask while one waits for its turn share it. */
export function backupTurns(options: TurnOptions): BackupTurns {
  const oneByOne = inTurn()
  let next: Promise<void> | undefined
  let began = Number.NEGATIVE_INFINITY
  const pass = (environment: Environment): Promise<void> => {
    next ??= oneByOne(async () => {
      next = undefined
      began = performance.now()
      await once(environment, options)
    })
    return next
  }
  return {
    pass,
    look: async (environment, millis) => {
      if (performance.now() - began >= millis) await pass(environment)
    },
  }
}

async function once(environment: Environment, options: TurnOptions): Promise<void> {
  const { kube, namespace, signal, log } = environment
  if (signal.aborted) return
  const backups = await openBackups(environment, options.known)
  if (!backups.some(isWaiting)) return
  const namespaces: KubeObject[] = []
  for await (const page of kube.pages(Namespaces, { signal })) namespaces.push(...page.items)
  const changes = queueStep(backups, { namespaces, concurrent: options.concurrent })
  await atOnce(changes, async ({ name, phase, queuePosition }) => {
    log.debug({ backup: name, phase, queuePosition }, 'place in the queue')
    const change = { status: { phase, queuePosition: queuePosition || null } }
    await patchLasting(kube, Backups, { name, namespace, change })
  })
}

/** Reading one object costs the API server about as much as listing so many. */
const LISTED_FOR_ONE = 10

/** Those that have not ended, read afresh: an old copy would start one twice. */
async function openBackups(environment: Environment, known: KnownBackups): Promise<Backup[]> {
  const { kube, namespace, signal } = environment
  const all = await known.all(environment)
  const open = all.filter(({ phase }) => !hasEnded(phase))
  const backups: Backup[] = []
  if (open.length * LISTED_FOR_ONE > all.length) {
    for await (const { items } of kube.pages(Backups, { namespace, signal })) {
      backups.push(...items.filter(({ status }) => !hasEnded(status?.phase)))
    }
  } else {
    await atOnce(open, async ({ name }) => {
      const backup = await kube.find(Backups, name, { namespace, signal })
      if (backup !== undefined) backups.push(backup)
    })
  }
  return backups.map((one) => readObject(Backups, one))
}
