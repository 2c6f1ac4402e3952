import type { RunLog } from '#archive/run-log.ts'
import type { Collection } from '#collect/collect.ts'
import type { Cut } from '#collect/cut.ts'
import { resourceName } from '#kube/object.ts'
import type { BackupScope } from '#selection/backup-scope.ts'

/** A namespace with this label not empty belongs to Argo CD, which would undo what a restore makes. */
const managedBy = 'argocd.argoproj.io/managed-by'

/** Logs what is known before the first object is read (spec/backup §10). */
export function logBefore(log: RunLog, { cut, scope }: { cut: Cut; scope: BackupScope }): void {
  log.info('Reading the cluster at one version', { resourceVersion: cut.resourceVersion })
  for (const { groupVersion, message } of cut.failures) {
    // Velero's words first: scripts look for them. What the server said is behind them.
    log.warning(`Failed to discover group: ${groupVersion}`, {
      error: `stale GroupVersion discovery: ${groupVersion}: ${message}`,
    })
  }
  for (const name of scope.missingNamespaces) {
    log.error('Included namespace does not exist', { resource: 'namespaces', name })
  }
  for (const name of scope.unknownResources)
    log.warning('No type answers to this name in the filters', { resource: name })
  for (const name of scope.misplacedResources) {
    log.warning('This type is in a list for the other scope, where it selects nothing', { resource: name })
  }
  const included = new Set(scope.namespaces)
  const managed = cut.namespaces
    .filter(({ metadata }) => included.has(metadata.name) && (metadata.labels?.[managedBy] ?? '') !== '')
    .map(({ metadata }) => metadata.name)
  if (managed.length > 0) {
    log.warning(`Argo CD manages these namespaces and may undo what a restore of them makes: ${managed.join(', ')}`)
  }
}

/** Logs how the reading went, once it has ended; `missing` instead of the collection's own when more was looked for. */
export function logAfter(
  log: RunLog,
  { readings, missingOrdered, resourceVersion, ...collection }: Collection,
  missing: Collection['missing'] = collection.missing,
): void {
  const replayed = readings.filter((reading) => reading.replayed !== undefined)
  if (replayed.length > 0) {
    const changes = replayed.reduce((sum, reading) => sum + (reading.replayed?.changes ?? 0), 0)
    log.info('The version could not be had to the end: what was read was brought to a later one by the changes since', {
      resourceVersion,
      lists: replayed.length,
      changes,
    })
  }
  for (const { resource, namespace = '', name } of missingOrdered) {
    log.warning('An object named in orderedResources is not in this backup', { resource, namespace, name })
  }
  for (const { request, atCut, reason, failure } of readings) {
    const { namespace } = request
    const fields = { resource: resourceName(request.type), ...(namespace === undefined ? {} : { namespace }) }
    if (failure !== undefined) log.error('Could not list', { ...fields, error: failure })
    else if (!atCut) log.warning('Not read at the version of the others', { ...fields, error: reason })
  }
  for (const { resource, namespace = '', name } of missing) {
    log.warning('An object that another one refers to does not exist', { resource, namespace, name })
  }
}
