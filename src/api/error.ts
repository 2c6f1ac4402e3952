/** What was wrong with something handed to api/. */
export type ApiProblem = 'invalid-object' | 'invalid-duration'

/** The only error of api/. The message names the object or the text, and what is wrong with it. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly problem: ApiProblem
  constructor(problem: ApiProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }
}
