import { listOf, objectOf, textOf } from '../json.ts'
import type { RestoreAction } from '../restore-action.ts'

/** Takes off the reference to the token Secret that an old cluster made for the account; only the first, as a second one was put there by hand. */
export const serviceAccountAction: RestoreAction = {
  name: 'velero.io/service-account',
  appliesTo: (resource) => resource === 'serviceaccounts',
  execute(account) {
    const secrets = listOf(account['secrets'])
    const prefix = `${account.metadata.name}-token-`
    const token = secrets.findIndex((secret) => textOf(objectOf(secret)?.['name'])?.startsWith(prefix) === true)
    return { object: token < 0 ? account : { ...account, secrets: secrets.toSpliced(token, 1) } }
  },
}
