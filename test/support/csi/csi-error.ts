import { status } from '@grpc/grpc-js'

/** A refusal in the words of the Container Storage Interface. */
export class CsiError extends Error {
  override readonly name = 'CsiError'
  readonly code: status

  constructor(code: status, message: string) {
    super(message)
    this.code = code
  }
}

/** Throws the refusal of a request that lacks `value`. */
export function required<T>(value: T, name: string): NonNullable<T> {
  if (value === undefined || value === null || value === '' || (Array.isArray(value) && value.length === 0)) {
    throw new CsiError(status.INVALID_ARGUMENT, `${name} is missing`)
  }
  return value
}
