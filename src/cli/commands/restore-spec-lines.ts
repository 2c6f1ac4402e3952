import type { RestoreSpec } from '#api/restore.ts'
import { formatSelector } from '#selection/label-selector.ts'
import { pairs, triState, words, type Line } from '../describe.ts'

/** What a restore was asked for: the sections of `velero restore describe` in its order (spec/cli.md §9.3). */
export function restoreSpecLines(spec: RestoreSpec): Line[] {
  return [
    ...scopeLines(spec),
    '',
    ['Restore PVs', triState(spec.restorePVs)],
    '',
    ['Existing Resource Policy', spec.existingResourcePolicy || '<none>'],
    ['ItemOperationTimeout', spec.itemOperationTimeout ?? ''],
    '',
    ['Preserve Service NodePorts', triState(spec.preserveNodePorts)],
    ...modifierLines(spec),
    ...uploaderLines(spec),
  ]
}

function scopeLines(spec: RestoreSpec): Line[] {
  const named = spec.includedNamespaces?.join() === '*' ? [] : spec.includedNamespaces
  const selectors = spec.orLabelSelectors ?? []
  return [
    {
      heading: 'Namespaces:',
      lines: [
        `Included:  ${words(named, 'all namespaces found in the backup')}`,
        `Excluded:  ${words(spec.excludedNamespaces)}`,
      ],
    },
    '',
    {
      heading: 'Resources:',
      lines: [
        `Included:        ${words(spec.includedResources, '*')}`,
        `Excluded:        ${words(spec.excludedResources)}`,
        `Cluster-scoped:  ${triState(spec.includeClusterResources, { on: 'included', off: 'excluded' })}`,
      ],
    },
    '',
    ['Namespace mappings', pairs(spec.namespaceMapping)],
    '',
    ['Label selector', spec.labelSelector ? formatSelector(spec.labelSelector) : '<none>'],
    '',
    ['Or label selector', selectors.length > 0 ? selectors.map((one) => formatSelector(one)).join(' or ') : '<none>'],
  ]
}

function modifierLines({ resourceModifier }: RestoreSpec): Line[] {
  if (!resourceModifier) return []
  const lines = [`Type:  ${resourceModifier.kind}`, `Name:  ${resourceModifier.name}`]
  return ['', { heading: 'Resource modifier:', lines }]
}

function uploaderLines({ uploaderConfig }: RestoreSpec): Line[] {
  if (!uploaderConfig) return []
  const { writeSparseFiles, parallelFilesDownload = 0 } = uploaderConfig
  const lines = [
    ...(writeSparseFiles === true ? ['Write Sparse Files:  true'] : []),
    ...(parallelFilesDownload > 0 ? [`Parallel Restore:  ${parallelFilesDownload}`] : []),
  ]
  return ['', { heading: 'Uploader config:', lines }]
}
