import type { BackupSpec } from '#api/backup.ts'
import { formatSelector } from '#selection/label-selector.ts'
import { pairs, triState, words, type Line } from '../describe.ts'

/** Policies and uploader settings, where a backup or a schedule's template has any (spec/cli.md §9.1). */
export function policyLines({ resourcePolicy, uploaderConfig }: BackupSpec): Line[] {
  const parallel = uploaderConfig?.parallelFilesUpload ?? 0
  return [
    ...(resourcePolicy
      ? [
          '' as const,
          { heading: 'Resource policies:', lines: [`Type:  ${resourcePolicy.kind}`, `Name:  ${resourcePolicy.name}`] },
        ]
      : []),
    ...(parallel > 0
      ? ['' as const, { heading: 'Uploader config:', lines: [`Parallel files upload:  ${parallel}`] }]
      : []),
  ]
}

/** What a backup takes and how: the sections that describe a backup and the template of a schedule alike. */
export function specLines(spec: BackupSpec): Line[] {
  return [
    {
      heading: 'Namespaces:',
      lines: [`Included:  ${words(spec.includedNamespaces, '*')}`, `Excluded:  ${words(spec.excludedNamespaces)}`],
    },
    '',
    { heading: 'Resources:', lines: typeFilterLines(spec) },
    '',
    ['Label selector', spec.labelSelector ? formatSelector(spec.labelSelector) : '<none>'],
    [
      'Or label selector',
      spec.orLabelSelectors?.length ? spec.orLabelSelectors.map((one) => formatSelector(one)).join(' or ') : '<none>',
    ],
    '',
    ['Storage Location', spec.storageLocation ?? ''],
    '',
    ['Velero-Native Snapshot PVs', triState(spec.snapshotVolumes)],
    ...(typeof spec.defaultVolumesToFsBackup === 'boolean'
      ? [['File System Backup (Default)', String(spec.defaultVolumesToFsBackup)] as const]
      : []),
    ['Snapshot Move Data', triState(spec.snapshotMoveData)],
    ['Data Mover', spec.datamover || 'velero'],
    '',
    ['TTL', spec.ttl ?? ''],
    '',
    ['CSISnapshotTimeout', spec.csiSnapshotTimeout ?? ''],
    ['ItemOperationTimeout', spec.itemOperationTimeout ?? ''],
    '',
    ['Hooks', words(spec.hooks?.resources?.map((hook) => hook.name))],
    ['OrderedResources', pairs(spec.orderedResources ?? undefined)],
  ]
}

function typeFilterLines(spec: BackupSpec): string[] {
  const old =
    [spec.includedResources, spec.excludedResources].some((list) => list && list.length > 0) ||
    typeof spec.includeClusterResources === 'boolean'
  if (old) {
    return [
      `Included:        ${words(spec.includedResources, '*')}`,
      `Excluded:        ${words(spec.excludedResources)}`,
      `Cluster-scoped:  ${triState(spec.includeClusterResources, { on: 'included', off: 'excluded' })}`,
    ]
  }
  return [
    `Included cluster-scoped:    ${words(spec.includedClusterScopedResources)}`,
    `Excluded cluster-scoped:    ${words(spec.excludedClusterScopedResources)}`,
    `Included namespace-scoped:  ${words(spec.includedNamespaceScopedResources, '*')}`,
    `Excluded namespace-scoped:  ${words(spec.excludedNamespaceScopedResources)}`,
  ]
}
