import type { Backup } from '#api/backup.ts'
import { operationStatus, type OperationStanding } from '#backup/operations.ts'
import { messageOf, type Environment } from '#runtime/controller.ts'

/** Writes where the backup stands with its operations, when that has changed; `onWaiting` is told that others may start meanwhile. Failing to is no reason to lose the backup. */
export function standingWriter(
  backup: Backup,
  { log }: Environment,
  { write, onWaiting }: { write: (change: object) => Promise<unknown>; onWaiting: () => Promise<void> },
): (standing: OperationStanding) => Promise<void> {
  const { name } = backup.metadata
  let written = ''
  return async (standing) => {
    const status = { phase: standing.phase, ...operationStatus(standing) }
    if (JSON.stringify(status) === written) return
    try {
      await write({ status })
      written = JSON.stringify(status)
      log.info({ backup: name, ...status }, 'backup waits for operations of plug-ins')
      await onWaiting()
    } catch (error) {
      log.warn({ backup: name, error: messageOf(error) }, 'the phase of a backup could not be written')
    }
  }
}
