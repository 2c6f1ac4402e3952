/** Why the server cannot run. */
export type ServerProblem = 'config' | 'address' | 'not-installed' | 'lease'

/** Every failure of the server process as a whole. The message says what to do. */
export class ServerError extends Error {
  override readonly name = 'ServerError'
  readonly problem: ServerProblem
  constructor(problem: ServerProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }
}
