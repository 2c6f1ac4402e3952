// schedule/ knows the clock side of a Schedule: when its backups are due, and which of them are kept for how long. It is pure: time and
// objects come as arguments. It must never know how backups are made, found or deleted.

/** What was wrong with a text handed to schedule/. */
export type ScheduleProblem = 'invalid-cron' | 'invalid-retention'

/** The only error of schedule/. The message quotes the text and says what is wrong with it and what would be right. */
export class ScheduleError extends Error {
  override readonly name = 'ScheduleError'
  readonly problem: ScheduleProblem
  constructor(problem: ScheduleProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }
}
