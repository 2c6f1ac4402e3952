import { listOf, objectOf } from '../json.ts'
import type { RestoreAction } from '../restore-action.ts'

const allowed: readonly unknown[] = ['None', 'NoneOnDryRun']

/** Gives webhooks a `sideEffects` that v1 takes; configurations that came from v1beta1 may have others. */
export const webhookConfigurationAction: RestoreAction = {
  name: 'velero.io/admission-webhook-configuration',
  appliesTo: (resource) =>
    resource === 'mutatingwebhookconfigurations.admissionregistration.k8s.io' ||
    resource === 'validatingwebhookconfigurations.admissionregistration.k8s.io',
  execute(configuration) {
    const isV1 = configuration.apiVersion === 'admissionregistration.k8s.io/v1'
    if (!isV1 || configuration['webhooks'] === undefined) return { object: configuration }
    const webhooks = listOf(configuration['webhooks']).map((entry) => {
      const webhook = objectOf(entry) ?? {}
      return allowed.includes(webhook['sideEffects']) ? entry : { ...webhook, sideEffects: 'None' }
    })
    return { object: { ...configuration, webhooks } }
  },
}
