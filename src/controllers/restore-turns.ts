import { annotationKeys, labelKeys, labelValue } from '#api/labels.ts'
import { Backups, type Backup } from '#api/backup.ts'
import { Restores, type Restore } from '#api/restore.ts'
import { requestedBackup } from '#restore/validation.ts'
import type { Environment } from '#runtime/controller.ts'
import { inTurn } from './in-turn.ts'
import { isBusy, isWaiting, restoreTurns, type AskedRestore, type RestoreTurn } from './restore-queue.ts'
import { patchLasting } from './status-patch.ts'

/** Gives restores their turn. */
export interface RestoreTurns {
  /**
   * When the turn of `restore` has come, has `accept` write that it runs, before anybody else's turn is looked at. Otherwise notes
   * on the Restore what it waits for and resolves to that sentence. Rejects with KubeError, or as `accept` does.
   */
  take<T>(restore: Restore, accept: () => Promise<T>, environment: Environment): Promise<Taken<T>>
  /** To be called whenever a restore has ended: wakes those whose turn has come. */
  pass(environment: Environment): Promise<void>
}

export type Taken<T> = { readonly accepted: T } | { readonly waits: string }

/** Turns for at most `concurrent` restores at a time. They are looked at one after another, since each builds on what the one before has written. */
export function restoreTurnsOf(concurrent: number): RestoreTurns {
  const oneByOne = inTurn()
  return {
    take: (restore, accept, environment) =>
      oneByOne(async () => {
        const turns = await look(environment, concurrent)
        const turn = turns.of.get(restore.metadata.name)
        if (turn?.do === 'wait') {
          await turns.note()
          return { waits: turn.why }
        }
        return { accepted: await accept() }
      }),
    pass: (environment) => oneByOne(async () => await (await look(environment, concurrent)).note()),
  }
}

interface Looked {
  readonly of: ReadonlyMap<string, RestoreTurn>
  /** Writes on the restores that wait what for. A note that changes wakes its restore. */
  note(): Promise<void>
}

async function look(environment: Environment, concurrent: number): Promise<Looked> {
  const asked = await askedRestores(environment)
  const turns = restoreTurns(asked, { concurrent })
  return {
    of: turns,
    async note() {
      for (const { restore } of asked) {
        const turn = turns.get(restore.metadata.name)
        if (turn !== undefined) await noteOn(restore, turn.do === 'wait' ? turn.why : undefined, environment)
      }
    },
  }
}

async function noteOn({ metadata }: Restore, why: string | undefined, environment: Environment): Promise<void> {
  const { kube, namespace, signal, log } = environment
  const { name, annotations } = metadata
  if (annotations?.[annotationKeys.waits] === why) return
  signal.throwIfAborted()
  if (why !== undefined) log.info({ restore: name }, why)
  const change = { metadata: { annotations: { [annotationKeys.waits]: why ?? null } } }
  await patchLasting(kube, Restores, { name, namespace, change })
}

async function askedRestores(environment: Environment): Promise<AskedRestore[]> {
  const { kube, namespace, signal } = environment
  const asked: AskedRestore[] = []
  for await (const page of kube.pages(Restores, { namespace, signal })) {
    for (const restore of page.items) {
      if (!isWaiting(restore) && !isBusy(restore)) continue
      asked.push({ restore, backup: requestedBackup(restore, await candidateBackups(restore, environment)) })
    }
  }
  return asked
}

/** The backups a restore can choose from: the named one, or those of its schedule. Rejects with KubeError. */
export async function candidateBackups(
  { spec }: Restore,
  { kube, namespace, signal }: Pick<Environment, 'kube' | 'namespace' | 'signal'>,
): Promise<Backup[]> {
  if (spec.backupName) {
    const named = await kube.find(Backups, spec.backupName, { namespace, signal })
    return named === undefined ? [] : [named]
  }
  if (!spec.scheduleName) return []
  const labelSelector = `${labelKeys.scheduleName}=${labelValue(spec.scheduleName)}`
  const backups: Backup[] = []
  for await (const page of kube.pages(Backups, { namespace, signal, labelSelector })) backups.push(...page.items)
  return backups
}
