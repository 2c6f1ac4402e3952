import type { Because, Outcome, Remark } from '#apply/outcome.ts'
import type { LogFields, LogLevel } from '#archive/log-line.ts'
import type { RunLog } from '#archive/run-log.ts'
import type { FieldChange } from '#items/diff.ts'
import type { GitOpsOwner } from '#items/gitops.ts'
import { refKey } from '#items/item-ref.ts'
import type { PluginModule } from '#plugins/open.ts'
import type { RestoreSkipReason } from '#selection/restore-scope.ts'
import { type Course, type CourseOptions, openCourse } from './course.ts'
import { plannedVolumes } from './native-volumes.ts'
import { plannedHooks, type PlannedHook } from './preview-hooks.ts'

/** Make it; change it; delete it and make it anew; delete it; leave it as it is, or out, for a reason; or be unable to do what was asked for. */
export type PlannedAction = 'create' | 'update' | 'recreate' | 'delete' | 'skip' | 'conflict'

/** What would become of one object. */
export interface PlannedObject {
  /** `deployments.apps`. */
  readonly resource: string
  /** Undefined for an object that was not even looked at. */
  readonly kind: { readonly apiVersion: string; readonly kind: string } | undefined
  /** In the cluster, after mapping; for an object that is left out, in the archive. */
  readonly namespace: string | undefined
  readonly name: string
  readonly action: PlannedAction
  readonly because: Because | RestoreSkipReason | undefined
  /** Who keeps it by Git, and would undo what the restore does; undefined for nobody. */
  readonly keptByGit: GitOpsOwner | undefined
  /** The warnings and errors that the restore would report. */
  readonly remarks: readonly Remark[]
  /** What an update would change; how a conflicting object differs. */
  readonly changes: readonly FieldChange[]
  /** Why the API server could not be asked whether it would take it. */
  readonly unchecked: string | undefined
}

/** A warning or an error that is about no single object. */
export interface RestoreFinding {
  readonly level: LogLevel
  readonly text: string
}

/** A restore that is not made. */
export interface RestorePreview {
  /** Every object of the archive once, and what is made besides. May be read once. */
  readonly objects: AsyncIterable<PlannedObject>
  /** Which commands would be run in which pods that are made; final when `objects` has ended. */
  readonly hooks: readonly PlannedHook[]
  /** Final when `objects` has ended. */
  readonly findings: readonly RestoreFinding[]
}

/** What a preview takes of a run: nothing that could write. */
export interface PreviewOptions extends Pick<CourseOptions, 'restore' | 'source' | 'kube' | 'settings' | 'signal'> {
  /** They are not asked; the findings say so. */
  plugins?: readonly PluginModule[] | undefined
}

/**
 * Plays a restore through by the code of the real run; the API server judges every object that it can be asked about, and
 * nothing is written. Rejects as a run does.
 */
export async function previewRestore(options: PreviewOptions): Promise<RestorePreview> {
  const findings: RestoreFinding[] = []
  const names = (options.plugins ?? []).flatMap(({ actions }) => actions.restoreItemActions.map(({ name }) => name))
  if (names.length > 0) {
    const text = `plug-ins are not asked, so what they change, leave out or wait for is not in this: ${names.join(', ')}`
    findings.push({ level: 'info', text })
  }
  const natives = plannedVolumes(options.source.natives)
  const course = await openCourse({ ...options, natives, log: noting(findings), rehearses: true })
  for (const text of course.warnings) findings.push({ level: 'warning', text })
  const hooks: PlannedHook[] = []
  return { objects: plannedObjects(course, { findings, hooks }), hooks, findings }
}

async function* plannedObjects(
  { outcomes, plan }: Course,
  { findings, hooks }: { findings: RestoreFinding[]; hooks: PlannedHook[] },
): AsyncGenerator<PlannedObject> {
  const namespaces = new Set<string>()
  for await (const outcome of outcomes) {
    const { action, because, remarks, resource, name } = outcome
    if (resource === 'namespaces') namespaces.add(name)
    const hooked = action === 'created' || action === 'recreated' ? plan.hooked.get(refKey(outcome)) : undefined
    if (hooked !== undefined) hooks.push(...plannedHooks(hooked))
    if (action !== undefined || because !== undefined) yield planned(outcome)
    else for (const { severity, message } of remarks) findings.push({ level: severity, text: message })
  }
  for (const { entry, because } of plan.leftOut()) {
    // Made for what goes into it, although it was not asked for itself.
    if (entry.resource === 'namespaces' && namespaces.has(entry.name)) continue
    const { resource, namespace, name } = entry
    yield { resource, kind: undefined, namespace, name, action: 'skip', because, ...nothingMore }
  }
}

const nothingMore = { keptByGit: undefined, remarks: [], changes: [], unchecked: undefined } as const

function planned({ action, rehearsed, ...outcome }: Outcome): PlannedObject {
  const { resource, kind, namespace, name, because, keptByGit, remarks } = outcome
  return {
    resource,
    kind,
    namespace,
    name,
    action: plannedActions[action ?? 'skipped'],
    because,
    keptByGit,
    remarks,
    changes: rehearsed?.changes ?? [],
    unchecked: rehearsed?.unchecked,
  }
}

const plannedActions = {
  created: 'create',
  updated: 'update',
  recreated: 'recreate',
  deleted: 'delete',
  skipped: 'skip',
  failed: 'conflict',
} as const

function noting(findings: RestoreFinding[]): RunLog {
  const note =
    (level: LogLevel): RunLog['warning'] =>
    (message, { resource, namespace, name, error }: LogFields = {}) => {
      const address = [resource, namespace, name].filter((part) => part !== undefined && part !== '').join('/')
      findings.push({ level, text: [address, message, error].filter(Boolean).join(': ') })
    }
  return { debug: () => undefined, info: () => undefined, warning: note('warning'), error: note('error') }
}
