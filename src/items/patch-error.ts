/** Why a patch changes nothing: it asked for something that is not so, or it cannot be carried out. */
export type PatchProblem = 'test-failed' | 'does-not-apply'

/** The error of the patches in this room. The message says what does not fit, without naming the object. */
export class PatchError extends Error {
  override readonly name = 'PatchError'
  readonly problem: PatchProblem
  constructor(problem: PatchProblem, message: string) {
    super(message)
    this.problem = problem
  }
}
