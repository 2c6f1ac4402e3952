/** Why the API server, or the way to it, refused. */
export type KubeProblem =
  | 'not-found'
  | 'already-exists'
  | 'conflict'
  | 'invalid'
  | 'forbidden'
  | 'unauthorized'
  | 'expired'
  | 'busy'
  | 'unreachable'
  | 'certificate'
  | 'unsupported'
  | 'server'

/** One line of `details.causes` in the server's Status. */
export interface StatusCause {
  reason?: string
  message?: string
  field?: string
}

/** Every failure of kube/. The message names the object and the server's reason. */
export class KubeError extends Error {
  override readonly name = 'KubeError'
  readonly problem: KubeProblem
  /** HTTP status, 0 when there was no answer. */
  readonly status: number
  /** `reason` of the server's Status, e.g. `AlreadyExists`. */
  readonly reason: string
  /** What was asked for, e.g. `deployments.apps shop/web`. */
  readonly object: string
  /** The server's own `message`, untouched; empty when there was no answer. */
  readonly serverMessage: string
  readonly causes: readonly StatusCause[]

  constructor(
    problem: KubeProblem,
    message: string,
    detail: {
      status?: number
      reason?: string
      object?: string
      serverMessage?: string
      causes?: readonly StatusCause[]
      cause?: unknown
    } = {},
  ) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause })
    this.problem = problem
    this.status = detail.status ?? 0
    this.reason = detail.reason ?? ''
    this.object = detail.object ?? ''
    this.serverMessage = detail.serverMessage ?? ''
    this.causes = detail.causes ?? []
  }
}
