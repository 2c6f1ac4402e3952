import { ArchiveError } from '#archive/error.ts'
import { CollectError } from '#collect/error.ts'
import { KubeError } from '#kube/error.ts'
import { SelectionError } from '#selection/error.ts'
import { StoreError } from '#store/store.ts'

/** Why a backup as a whole could not be made. What happens to single objects is in the results, not here. */
export type BackupProblem =
  /** A backup of that name is in the store, or is being made right now. */
  | 'name-taken'
  /** Some types may not be listed; the message names them. Nothing was written. */
  | 'forbidden'
  /** The name or the spec cannot be carried out. */
  | 'invalid'
  | 'cluster'
  | 'store'
  /** The folder for temporary files. */
  | 'disk'
  | 'aborted'

/** Every failure of a backup run. The message says what is wrong and what to do next; it serves as `status.failureReason`. */
export class BackupError extends Error {
  override readonly name = 'BackupError'
  readonly problem: BackupProblem
  constructor(problem: BackupProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }
}

/** What a room's error means for the backup `name`. An error no room knows is a fault of this program and stays as it is. */
export function backupError(error: unknown, name: string, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) {
    return new BackupError('aborted', `backup ${name} was stopped before its end; nothing of it is in the store`, {
      cause: error,
    })
  }
  const problem = problemOf(error)
  if (error instanceof StoreError && problem === 'name-taken') {
    const message = `${error.message}; somebody else writes a backup ${name}: repeat with another name`
    return new BackupError(problem, message, { cause: error })
  }
  return problem === undefined ? error : new BackupError(problem, (error as Error).message, { cause: error })
}

function problemOf(error: unknown): BackupProblem | undefined {
  if (error instanceof CollectError) return error.problem
  if (error instanceof KubeError) return 'cluster'
  if (error instanceof StoreError) return storeProblem(error)
  if (error instanceof SelectionError) return 'invalid'
  if (error instanceof ArchiveError) return error.problem === 'no-space' ? 'disk' : undefined
  return undefined
}

/** The run's folder was empty when it began, so an object that exists is another run's. */
function storeProblem({ problem }: StoreError): BackupProblem {
  if (problem === 'exists') return 'name-taken'
  return problem === 'invalid' ? 'invalid' : 'store'
}
