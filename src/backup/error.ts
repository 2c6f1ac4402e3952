/** Why a backup as a whole could not be made. What happens to single objects is in the results, not here. */
export type BackupProblem =
  /** A backup of that name is in the store; nothing was written. */
  | 'name-taken'
  /** Some types may not be listed; the message names them. Nothing was written. */
  | 'forbidden'
  /** The spec cannot be carried out, e.g. a label selector the server refuses. */
  | 'invalid'
  | 'cluster'
  | 'store'
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
