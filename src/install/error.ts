/** `occupied`: another server is there. `timeout`: the cluster did not get there in time. `refused`: nothing was done, on purpose. */
export type InstallProblem = 'occupied' | 'timeout' | 'refused'

/** What could not be installed, or taken away. The message says what is wrong and the next step. */
export class InstallError extends Error {
  override readonly name = 'InstallError'
  readonly problem: InstallProblem
  constructor(problem: InstallProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }
}
