// sandbox/ runs a throw-away Kubernetes control plane on this machine, and gets the programs for it and for the tests.
// It knows nothing of backups and prints nothing: progress goes to callbacks, failures are SandboxError.

export type SandboxProblem =
  | 'name-invalid'
  | 'name-taken'
  | 'asset-unknown'
  | 'asset-missing'
  | 'build-failed'
  | 'process-died'
  | 'not-ready'
  | 'node-refused'
  | 'aborted'

/** Every failure of sandbox/. The message is complete: what failed, why, and where to look or what to do next. */
export class SandboxError extends Error {
  override readonly name = 'SandboxError'
  readonly problem: SandboxProblem

  constructor(problem: SandboxProblem, message: string, options?: ErrorOptions) {
    super(message, options)
    this.problem = problem
  }
}

/** Rejects with SandboxError 'aborted' when `signal` has fired; `what` says what was under way. */
export function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal?.aborted === true) throw new SandboxError('aborted', `${what} was interrupted`, { cause: signal.reason })
}
