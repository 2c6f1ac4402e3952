/** Why a plug-in could not be used, or one call of it came to nothing. */
export type PluginProblem =
  /** There is no such module. */
  | 'not-found'
  /** The module throws, hangs or ends its thread while it is loaded. */
  | 'cannot-load'
  /** What the module exports is no plug-in. */
  | 'invalid'
  /** The action threw. */
  | 'failed'
  /** The action took longer than it may; its thread was ended. */
  | 'timeout'
  /** The action ended its own thread, or used up its memory. */
  | 'crashed'
  /** The action returned something that has no meaning. */
  | 'bad-answer'
  /** The module was started anew too often in this run and gets no more calls. */
  | 'given-up'

/** A failure of a plug-in. The message names it and says what is wrong. */
export class PluginError extends Error {
  override readonly name = 'PluginError'
  readonly problem: PluginProblem
  constructor(problem: PluginProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }
}
