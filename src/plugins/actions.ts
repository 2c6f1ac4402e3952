import type { Item, ResourceType, ServedType } from '#kube/object.ts'
import { readDecision, readProgress, type Decision } from './answer.ts'
import { compileApplies, type Applies } from './applies.ts'
import type { ActionDescription } from './description.ts'
import { PluginError } from './error.ts'
import { ModuleRunner, type ModuleRunnerOptions } from './module-runner.ts'
import type { PluginModule } from './open.ts'
import type { OperatingAction } from './operations.ts'
import type {
  ItemReference,
  PluginContext,
  PluginObject,
  RestorePluginContext,
  RestoreExecuteContext,
} from './plugin.ts'
import { readReadiness, readRestoreDecision, type RestoreDecision } from './restore-answer.ts'
import type { ActionList } from './worker.ts'

export interface StartActionsOptions extends ModuleRunnerOptions {
  /** What the cluster serves, for names in selectors. */
  readonly types: readonly ServedType[]
}

/** An action on the items of a backup. Every call rejects with PluginError, whose message names the action, or with the signal's reason. */
export interface BackupAction extends OperatingAction<PluginContext> {
  execute(object: PluginObject, context: PluginContext): Promise<Decision>
}

/** As BackupAction, for the items of a restore. */
export interface RestoreAction extends OperatingAction<RestorePluginContext> {
  execute(object: PluginObject, context: RestoreExecuteContext): Promise<RestoreDecision>
  /** True when the action cannot tell. */
  areAdditionalItemsReady(items: readonly ItemReference[], context: RestorePluginContext): Promise<boolean>
}

/** An action, and which items of a type that it wants it gets. */
export interface Candidate<A> {
  readonly action: A
  readonly applies: Applies
}

/** The actions of a run. Threads start with the first call of their module and end with dispose. */
export interface RunningActions<A> extends AsyncDisposable {
  /** Those that want items of this very `type`, in order; looked up once for each. */
  wanting(type: ResourceType): readonly Candidate<A>[]
  /** Those that get `item`, in order; without any work for types that no action wants. */
  of(item: Item): readonly A[]
}

/** The backup item actions of `modules`, in order. */
export function startBackupActions(
  modules: readonly PluginModule[],
  options: StartActionsOptions,
): RunningActions<BackupAction> {
  return start({ modules, list: 'backupItemActions', make: backupAction }, options)
}

/** The restore item actions of `modules`, in order. */
export function startRestoreActions(
  modules: readonly PluginModule[],
  options: StartActionsOptions,
): RunningActions<RestoreAction> {
  return start({ modules, list: 'restoreItemActions', make: restoreAction }, options)
}

/** Calls a function of one action. */
type Call = (method: string, ...values: readonly unknown[]) => Promise<unknown>

interface Kind<A> {
  readonly modules: readonly PluginModule[]
  readonly list: ActionList
  readonly make: (description: ActionDescription, call: Call) => A
}

function start<A>({ modules, list, make }: Kind<A>, options: StartActionsOptions): RunningActions<A> {
  const runners: ModuleRunner[] = []
  const all: Candidate<A>[] = modules.flatMap((module) => {
    const runner = new ModuleRunner(module, options)
    runners.push(runner)
    return module.actions[list].map((description, action) => ({
      applies: compileApplies(description, options.types),
      action: make(description, (method, ...values) => runner.call({ list, action, method, arguments: values })),
    }))
  })
  const byType = new Map<ResourceType, readonly Candidate<A>[]>()
  const wanting = (type: ResourceType): readonly Candidate<A>[] => {
    const known = byType.get(type) ?? all.filter(({ applies }) => applies.type(type))
    byType.set(type, known)
    return known
  }
  return {
    wanting,
    of(item) {
      const candidates = wanting(item.type)
      if (candidates.length === 0) return []
      return candidates.filter(({ applies }) => applies.item(item)).map(({ action }) => action)
    },
    async [Symbol.asyncDispose]() {
      for (const runner of runners) await runner.stop()
    },
  }
}

function backupAction(description: ActionDescription, call: Call): BackupAction {
  return {
    ...operating(description, call),
    execute: (object, context) =>
      naming(description, async () => {
        const decision = readDecision(await call('execute', object, context), object)
        if (decision.operation !== undefined) assertCanTell(description)
        return decision
      }),
  }
}

function restoreAction(description: ActionDescription, call: Call): RestoreAction {
  const tells = description.methods.includes('areAdditionalItemsReady')
  return {
    ...operating(description, call),
    execute: (object, context) =>
      naming(description, async () => {
        const decision = readRestoreDecision(await call('execute', object, context), object)
        if (decision.operation !== undefined) assertCanTell(description)
        return decision
      }),
    areAdditionalItemsReady: (items, context) =>
      naming(description, async () => !tells || readReadiness(await call('areAdditionalItemsReady', items, context))),
  }
}

function operating<C>(description: ActionDescription, call: Call): OperatingAction<C> {
  return {
    name: description.name,
    progress: (id, context) => naming(description, async () => readProgress(await call('progress', id, context))),
    cancel: (id, context) =>
      naming(description, async () => {
        if (description.methods.includes('cancel')) await call('cancel', id, context)
      }),
  }
}

function assertCanTell({ methods }: ActionDescription): void {
  if (methods.includes('progress')) return
  throw new PluginError('bad-answer', 'it started an operation, but has no function progress')
}

async function naming<T>({ name }: ActionDescription, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof PluginError)) throw error
    throw new PluginError(error.problem, `plug-in action ${name}: ${error.message}`, { cause: error })
  }
}
