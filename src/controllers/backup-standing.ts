import type { Backup, BackupStatus } from '#api/backup.ts'
import { operationStatus, type OperationStanding } from '#backup/operations.ts'
import { messageOf, type Environment } from '#runtime/controller.ts'

/** Writes where one backup stands with its operations. */
export interface StandingWriter {
  /** Returns at once: nobody who gets on has to wait for the API server. What comes while something is being written takes the place of what came before. */
  report(standing: OperationStanding): void
  /** Resolves when nothing is being written any more; what was not begun is not. */
  settle(): Promise<void>
}

/** Nothing is written twice; `onWaiting` is told that others may start meanwhile. Failing to write is no reason to lose the backup. */
export function standingWriter(
  backup: Backup,
  { log }: Environment,
  { write, onWaiting }: { write: (change: object) => Promise<unknown>; onWaiting: () => Promise<void> },
): StandingWriter {
  const { name } = backup.metadata
  let next: BackupStatus | undefined
  let written = ''
  let running: Promise<void> | undefined
  const writeNext = async (): Promise<void> => {
    const status = next
    next = undefined
    if (status === undefined || JSON.stringify(status) === written) return
    try {
      await write({ status })
      written = JSON.stringify(status)
      log.info({ backup: name, ...status }, 'backup waits for operations of plug-ins')
      await onWaiting()
    } catch (error) {
      log.warn({ backup: name, error: messageOf(error) }, 'the phase of a backup could not be written')
    }
  }
  const start = (): void => {
    running ??= writeNext().finally(() => {
      running = undefined
      if (next !== undefined) start()
    })
  }
  return {
    report(standing) {
      next = { phase: standing.phase, ...operationStatus(standing) }
      start()
    },
    async settle() {
      next = undefined
      await running
    },
  }
}
