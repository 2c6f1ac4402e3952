import { choice, duration, integer, text, toggle, type Flags } from '../flag.ts'

const looks = { hidden: true }
const passedOver = 'for Deployments of Velero; changes nothing here'

/**
 * Flags of `velero server` for what Lifeboat decides by itself (pace, workers, pages of caches) or does not do yet (volume data): taken, so
 * that a Deployment of Velero starts Lifeboat as it is, and without effect (docs/velero-compatibility.md). Flags that would keep a server from work are not
 * among them: nobody may believe in a server that does less than it does.
 */
export const veleroServerFlags = {
  'backup-repository-configmap': text(passedOver, looks),
  'client-burst': integer(passedOver, 0, looks),
  'client-qps': text(passedOver, looks),
  'default-repo-maintain-frequency': duration(passedOver, looks),
  'disable-informer-cache': toggle(passedOver, looks),
  'fs-backup-timeout': duration(passedOver, looks),
  'item-block-worker-count': integer(passedOver, 0, looks),
  'max-concurrent-k8s-connections': integer(passedOver, 0, looks),
  'plugin-dir': text(passedOver, looks),
  'profiler-address': text(passedOver, looks),
  'repo-maintenance-job-configmap': text(passedOver, looks),
  'uploader-type': choice(passedOver, ['kopia'], looks),
} satisfies Flags
