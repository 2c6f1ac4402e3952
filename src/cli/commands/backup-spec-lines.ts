import type { BackupHook, BackupSpec } from '#api/backup.ts'
import { formatDuration, isDuration, parseDuration } from '#api/duration.ts'
import { formatSelector } from '#selection/label-selector.ts'
import { indented, triState, words, type Line } from '../describe.ts'

/** Policies and uploader settings, where a backup or a schedule's template has any (spec/cli.md §9.1, 3). */
export function policyLines({ resourcePolicy, uploaderConfig }: BackupSpec): Line[] {
  const parallel = uploaderConfig?.parallelFilesUpload ?? 0
  const lines: Line[] = []
  if (resourcePolicy) {
    const { kind, name } = resourcePolicy
    lines.push('', { heading: 'Resource policies:', lines: [`Type:\t${kind}`, `Name:\t${name}`] })
  }
  if (parallel > 0) {
    lines.push('', { heading: 'Uploader config:', lines: [`Parallel files upload:\t${parallel}`] })
  }
  return lines
}

/** What a backup was asked to take and how, in the sections that describe a backup and the template of a schedule alike (spec/cli.md §9.1, 6 to 11). */
export function specLines(spec: BackupSpec): Line[] {
  return [
    { heading: 'Namespaces:', lines: included(spec.includedNamespaces, spec.excludedNamespaces) },
    '',
    { heading: 'Resources:', lines: typeFilterLines(spec) },
    '',
    ['Label selector', selectorText(spec.labelSelector)],
    '',
    ['Or label selector', spec.orLabelSelectors?.map((one) => formatSelector(one)).join(' or ') || '<none>'],
    '',
    ['Storage Location', spec.storageLocation ?? ''],
    '',
    ...volumeSettingLines(spec),
    '',
    ['TTL', durationText(spec.ttl)],
    '',
    ['CSISnapshotTimeout', durationText(spec.csiSnapshotTimeout)],
    ['ItemOperationTimeout', durationText(spec.itemOperationTimeout)],
    '',
    ...hookLines(spec.hooks?.resources ?? []),
    ...orderLines(spec.orderedResources ?? {}),
  ]
}

/** The two lines of a list of names and one of exceptions. */
function included(include: readonly string[] | null | undefined, exclude: readonly string[] | null | undefined) {
  return [`Included:\t${words(include, '*')}`, `Excluded:\t${words(exclude)}`]
}

/** Whether the spec filters by the fields that Velero calls the old ones, which go before the others. */
export function usesOldFilters(spec: BackupSpec): boolean {
  const named = [spec.includedResources, spec.excludedResources].some((list) => list && list.length > 0)
  return named || typeof spec.includeClusterResources === 'boolean'
}

function typeFilterLines(spec: BackupSpec): string[] {
  if (usesOldFilters(spec)) {
    const cluster = triState(spec.includeClusterResources, { on: 'included', off: 'excluded' })
    return [...included(spec.includedResources, spec.excludedResources), `Cluster-scoped:\t${cluster}`]
  }
  return [
    `Included cluster-scoped:\t${words(spec.includedClusterScopedResources)}`,
    `Excluded cluster-scoped:\t${words(spec.excludedClusterScopedResources)}`,
    `Included namespace-scoped:\t${words(spec.includedNamespaceScopedResources, '*')}`,
    `Excluded namespace-scoped:\t${words(spec.excludedNamespaceScopedResources)}`,
  ]
}

/** A selector as kubectl writes it; `<none>` without one. */
export function selectorText(selector: BackupSpec['labelSelector']): string {
  return selector ? formatSelector(selector) || '<none>' : '<none>'
}

/** A duration as Go prints it, also one that was written in another way. */
export function durationText(text: string | null | undefined): string {
  if (!text) return '0s'
  return isDuration(text) ? formatDuration(parseDuration(text)) : text
}

function volumeSettingLines(spec: BackupSpec): Line[] {
  return [
    ['Velero-Native Snapshot PVs', triState(spec.snapshotVolumes)],
    ...(typeof spec.defaultVolumesToFsBackup === 'boolean'
      ? [['File System Backup (Default)', String(spec.defaultVolumesToFsBackup)] as const]
      : []),
    ['Snapshot Move Data', triState(spec.snapshotMoveData)],
    ['Data Mover', spec.datamover || 'velero'],
  ]
}

function hookLines(hooks: readonly BackupHook[]): Line[] {
  if (hooks.length === 0) return [['Hooks', '<none>']]
  return [{ heading: 'Hooks:', lines: ['Resources:', ...hooks.flatMap((hook) => indented(oneHookLines(hook)))] }]
}

function oneHookLines(hook: BackupHook): string[] {
  const execs = [
    ...(hook.pre ?? []).map(({ exec }) => ({ title: 'Pre Exec Hook:', exec })),
    ...(hook.post ?? []).map(({ exec }) => ({ title: 'Post Exec Hook:', exec })),
  ]
  const lines = [
    'Namespaces:',
    ...indented(included(hook.includedNamespaces, hook.excludedNamespaces)),
    '',
    'Resources:',
    ...indented(included(hook.includedResources, hook.excludedResources)),
    '',
    `Label selector:\t${selectorText(hook.labelSelector)}`,
    ...execs.flatMap(({ title, exec }) => ['', title, ...indented(execLines(exec))]),
  ]
  return [`${hook.name}:`, ...indented(lines)]
}

type ExecHook = NonNullable<BackupHook['pre']>[number]['exec']

function execLines({ container, command, onError, timeout }: ExecHook): string[] {
  return [
    `Container:\t${container ?? ''}`,
    `Command:\t${command.join(' ')}`,
    `On Error:\t${onError ?? ''}`,
    `Timeout:\t${durationText(timeout)}`,
  ]
}

function orderLines(order: Readonly<Record<string, string>>): Line[] {
  const lines = Object.entries(order).map(([kind, names]) => `${kind}: ${names}`)
  return lines.length === 0 ? [] : ['', { heading: 'OrderedResources:', lines: lines.toSorted() }]
}
