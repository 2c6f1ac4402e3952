/** Why a restore as a whole could not run. What happens to single objects is in the results, not here. */
export type RestoreProblem =
  | 'no-such-backup'
  | 'backup-unfinished'
  | 'backup-damaged'
  | 'name-taken'
  | 'bad-modifiers'
  | 'no-safety-backup'
  | 'cluster'
  | 'store'
  | 'aborted'

/** Every failure of a restore run. The message says what is wrong and what to do next; it serves as `status.failureReason`. */
export class RestoreError extends Error {
  override readonly name = 'RestoreError'
  readonly problem: RestoreProblem
  constructor(problem: RestoreProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }
}
