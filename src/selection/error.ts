/** What was wrong with something handed to selection/. */
export type SelectionProblem = 'bad-selector' | 'bad-policy' | 'bad-quantity' | 'bad-regex' | 'bad-yaml'

/** The only error of selection/: the user's words cannot be understood. The message says which and what to write instead. */
export class SelectionError extends Error {
  override readonly name = 'SelectionError'
  readonly problem: SelectionProblem
  constructor(problem: SelectionProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }
}
