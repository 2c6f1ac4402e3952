import type { KubeObject } from '#kube/object.ts'
import { objectOf, without } from '../json.ts'
import type { RestoreAction } from '../restore-action.ts'
import { withoutAnnotations } from './claim.ts'

/** Leaves out token Secrets that a live ServiceAccount's own cluster made, and empties others so that the target cluster fills them. */
export const secretAction: RestoreAction = {
  name: 'velero.io/secret',
  appliesTo: (resource) => resource === 'secrets',
  execute(secret, { archived, context }) {
    if (secret['type'] !== 'kubernetes.io/service-account-token') return { object: secret }
    if (belongsToLiveAccount(archived, context.liveServiceAccounts)) return { skip: 'token-of-live-service-account' }
    const object = withoutAnnotations(secret, ['kubernetes.io/service-account.uid'])
    const data = objectOf(secret['data'])
    return { object: data === undefined ? object : { ...object, data: without(data, ['token', 'ca.crt']) } }
  },
}

// `a-token-b-token-c` may be of the account `a` as well as of `a-token-b`.
function belongsToLiveAccount({ metadata }: KubeObject, accounts: ReadonlySet<string>): boolean {
  const parts = metadata.name.split('-token-')
  return parts.slice(1).some((_, index) => {
    const account = parts.slice(0, index + 1).join('-token-')
    return accounts.has(`${metadata.namespace}/${account}`)
  })
}
