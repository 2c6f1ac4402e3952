import type { RestoreSpec } from '#api/restore.ts'
import { formatSelector } from '#selection/label-selector.ts'
import { pairs, triState, words, type Line } from '../describe.ts'
import { durationText, selectorText } from './backup-spec-lines.ts'

/** What a restore was asked for: the sections of `velero restore describe` in its order (spec/cli.md §9.3), with what came of the volumes among them. */
export function restoreSpecLines(spec: RestoreSpec, volumes: readonly Line[] = []): Line[] {
  return [
    ...scopeLines(spec),
    '',
    ['Restore PVs', triState(spec.restorePVs)],
    ...volumes,
    '',
    ['Existing Resource Policy', spec.existingResourcePolicy || '<none>'],
    ['ItemOperationTimeout', durationText(spec.itemOperationTimeout)],
    '',
    ['Preserve Service NodePorts', triState(spec.preserveNodePorts)],
    ...modifierLines(spec),
    ...uploaderLines(spec),
  ]
}

function scopeLines(spec: RestoreSpec): Line[] {
  const named = spec.includedNamespaces?.join() === '*' ? [] : spec.includedNamespaces
  return [
    {
      heading: 'Namespaces:',
      lines: [
        `Included:\t${words(named, 'all namespaces found in the backup')}`,
        `Excluded:\t${words(spec.excludedNamespaces)}`,
      ],
    },
    '',
    {
      heading: 'Resources:',
      lines: [
        `Included:\t${words(spec.includedResources, '*')}`,
        `Excluded:\t${words(spec.excludedResources)}`,
        `Cluster-scoped:\t${triState(spec.includeClusterResources, { on: 'included', off: 'excluded' })}`,
      ],
    },
    '',
    ['Namespace mappings', pairs(spec.namespaceMapping)],
    '',
    ['Label selector', selectorText(spec.labelSelector)],
    '',
    ['Or label selector', spec.orLabelSelectors?.map((one) => formatSelector(one)).join(' or ') || '<none>'],
  ]
}

function modifierLines({ resourceModifier }: RestoreSpec): Line[] {
  if (!resourceModifier) return []
  const { kind, name } = resourceModifier
  return ['', { heading: 'Resource modifier:', lines: [`Type:\t${kind}`, `Name:\t${name}`] }]
}

function uploaderLines({ uploaderConfig }: RestoreSpec): Line[] {
  if (!uploaderConfig) return []
  const { writeSparseFiles, parallelFilesDownload = 0 } = uploaderConfig
  const lines = [
    ...(writeSparseFiles === true ? ['Write Sparse Files:\ttrue'] : []),
    ...(parallelFilesDownload > 0 ? [`Parallel Restore:\t${parallelFilesDownload}`] : []),
  ]
  return ['', { heading: 'Uploader config:', lines }]
}
