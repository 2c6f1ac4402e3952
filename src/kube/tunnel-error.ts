/** A proxy did not open the way to the server: nothing was sent. Becomes a KubeError before it leaves this room. */
export class TunnelError extends Error {
  override readonly name = 'TunnelError'
  /** Whether another try could succeed. */
  readonly passing: boolean
  constructor(message: string, { passing = true, ...options }: ErrorOptions & { passing?: boolean } = {}) {
    super(message, options)
    this.passing = passing
  }
}
