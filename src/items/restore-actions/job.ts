import { objectOf, without } from '../json.ts'
import type { RestoreAction } from '../restore-action.ts'

const uidLabels = ['controller-uid', 'batch.kubernetes.io/controller-uid']

/** Takes off the labels that bind a Job's pods to the uid the Job had; the API server gives it new ones. */
export const jobAction: RestoreAction = {
  name: 'velero.io/job',
  appliesTo: (resource) => resource === 'jobs.batch',
  execute(job) {
    const spec = { ...objectOf(job['spec']) }
    const selector = objectOf(spec['selector'])
    const matchLabels = objectOf(selector?.['matchLabels'])
    if (selector !== undefined && matchLabels !== undefined) {
      spec['selector'] = { ...selector, matchLabels: without(matchLabels, uidLabels) }
    }
    const template = objectOf(spec['template'])
    const metadata = objectOf(template?.['metadata'])
    const labels = objectOf(metadata?.['labels'])
    if (template !== undefined && metadata !== undefined && labels !== undefined) {
      spec['template'] = { ...template, metadata: { ...metadata, labels: without(labels, uidLabels) } }
    }
    return { object: { ...job, spec } }
  },
}
