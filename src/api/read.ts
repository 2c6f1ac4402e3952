import type { KubeObject } from '#kube/object.ts'
import { ApiError } from './error.ts'
import type { Kind } from './kind.ts'

/**
 * `object` as its kind's type: unknown fields are kept, a missing `spec` becomes an empty one. Throws ApiError
 * 'invalid-object' with the path of every field that has the wrong type.
 */
export function readObject<T extends KubeObject>(kind: Kind<T>, object: unknown): T {
  const read = kind.schema.safeParse(object)
  if (read.success) return read.data
  const faults = read.error.issues.map((issue) => `${issue.path.join('.') || 'object'}: ${plain(issue.message)}`)
  throw new ApiError('invalid-object', `${kind.kind} ${nameOf(object)}: ${faults.join('; ')}`)
}

function nameOf(object: unknown): string {
  const metadata = (object as Partial<KubeObject> | null | undefined)?.metadata
  const name = metadata?.name ?? '(without a name)'
  return metadata?.namespace === undefined ? name : `${metadata.namespace}/${name}`
}

function plain(message: string): string {
  return message.replace(/^Invalid input: /, '')
}
