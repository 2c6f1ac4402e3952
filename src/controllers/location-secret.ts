import { Secrets } from '#kube/core-types.ts'
import type { KubeClient } from '#kube/client.ts'
import { StoreError } from '#store/store.ts'

/** One key of a Secret. */
export interface SecretReference {
  readonly name: string
  readonly key: string
}

/** What a Secret of `namespace` holds under a key; StoreError 'invalid', which says that `what` names it, when it is not there. */
export async function secretBytes(
  kube: KubeClient,
  { namespace, what, reference }: { namespace: string; what: string; reference: SecretReference },
): Promise<Buffer> {
  // Without a name the whole collection would come back.
  const secret = reference.name === '' ? undefined : await kube.find(Secrets, reference.name, { namespace })
  const value = secret?.data?.[reference.key]
  if (value !== undefined) return Buffer.from(value, 'base64')
  const missing = secret === undefined ? 'there is no such Secret' : `it has no key "${reference.key}"`
  throw new StoreError('invalid', `${what} names Secret ${namespace}/${reference.name}: ${missing}`)
}
