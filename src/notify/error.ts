/** Why a message did not get out: `invalid` needs another Notification or Secret, `refused` is the other side's answer. */
export type NotifyProblem = 'invalid' | 'refused' | 'unreachable'

/** Every failure of sending. The message holds no secret: of a URL it names the host alone. */
export class NotifyError extends Error {
  override readonly name = 'NotifyError'
  readonly problem: NotifyProblem
  constructor(problem: NotifyProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }
}
