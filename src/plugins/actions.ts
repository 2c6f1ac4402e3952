import type { Item, ResourceType, ServedType } from '#kube/object.ts'
import { readDecision, readProgress, type Decision } from './answer.ts'
import { compileApplies, type Applies } from './applies.ts'
import type { ActionDescription } from './description.ts'
import { PluginError } from './error.ts'
import type { PluginModule } from './open.ts'
import type { OperationProgress, PluginContext, PluginObject } from './plugin.ts'
import { startThread, type Thread } from './thread.ts'
import type { WorkerCall } from './worker.ts'

export interface StartActionsOptions {
  /** What the cluster serves, for names in selectors. */
  readonly types: readonly ServedType[]
  readonly signal?: AbortSignal | undefined
  /** Gets each line a module prints, and the module's name. */
  readonly onOutput?: ((line: string, specifier: string) => void) | undefined
}

/** One action, ready to be called. Every call rejects with PluginError, whose message names the action, or with the signal's reason. */
export interface RunningAction {
  readonly name: string
  execute(object: PluginObject, context: PluginContext): Promise<Decision>
  progress(operationId: string, context: PluginContext): Promise<OperationProgress>
  /** Does nothing when the action has no `cancel`. */
  cancel(operationId: string, context: PluginContext): Promise<void>
}

/** The actions of a run. Threads start with the first call of their module and end with dispose. */
export interface RunningActions extends AsyncDisposable {
  /** Those that get `item`, in order; `none`, without any work, for types that no action wants. */
  of(item: Item): readonly RunningAction[]
  named(name: string): RunningAction | undefined
}

const none: readonly RunningAction[] = []

/** The actions of `modules`, in order. PluginError 'invalid' for a selector that is none. */
export function startActions(modules: readonly PluginModule[], options: StartActionsOptions): RunningActions {
  const runners = modules.map((module) => ({ module, runner: new ModuleRunner(module, options) }))
  const actions = runners.flatMap(({ module, runner }) =>
    module.actions.backupItemActions.map((description, index) => ({
      applies: compileApplies(description, options.types),
      action: runningAction(runner, description, index),
    })),
  )
  const byType = new Map<ResourceType, readonly (typeof actions)[number][]>()
  const wanting = (type: ResourceType): readonly { applies: Applies; action: RunningAction }[] => {
    const known = byType.get(type) ?? actions.filter(({ applies }) => applies.type(type))
    byType.set(type, known)
    return known
  }
  return {
    of(item) {
      const candidates = wanting(item.type)
      if (candidates.length === 0) return none
      return candidates.filter(({ applies }) => applies.item(item)).map(({ action }) => action)
    },
    named: (name) => actions.find(({ action }) => action.name === name)?.action,
    async [Symbol.asyncDispose]() {
      for (const { runner } of runners) await runner.stop()
    },
  }
}

function runningAction(runner: ModuleRunner, { name, methods }: ActionDescription, action: number): RunningAction {
  const naming = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof PluginError)) throw error
      throw new PluginError(error.problem, `plug-in action ${name}: ${error.message}`, { cause: error })
    }
  }
  const call = (method: string, argument: unknown, context: PluginContext): Promise<unknown> =>
    runner.call({ list: 'backupItemActions', action, method, arguments: [argument, context] })
  return {
    name,
    execute: (object, context) =>
      naming(async () => {
        const decision = readDecision(await call('execute', object, context), object)
        if (decision.operation === undefined || methods.includes('progress')) return decision
        throw new PluginError('bad-answer', 'it started an operation, but has no function progress')
      }),
    progress: (id, context) => naming(async () => readProgress(await call('progress', id, context))),
    cancel: (id, context) =>
      naming(async () => {
        if (methods.includes('cancel')) await call('cancel', id, context)
      }),
  }
}

/** Keeps a thread for a module: starts it when it is needed, and again when it was lost, but not for ever. */
class ModuleRunner {
  readonly #module: PluginModule
  readonly #options: StartActionsOptions
  #thread: Thread | undefined
  #starts = 0
  /** One call at a time, also when several runs of the caller overlap. */
  #last: Promise<unknown> = Promise.resolve()

  constructor(module: PluginModule, options: StartActionsOptions) {
    this.#module = module
    this.#options = options
  }

  call(call: WorkerCall): Promise<unknown> {
    const answer = this.#last.then(async () => (await this.#alive()).call(call))
    this.#last = answer.catch(() => undefined)
    return answer
  }

  async stop(): Promise<void> {
    const thread = this.#thread
    this.#thread = undefined
    await thread?.[Symbol.asyncDispose]()
  }

  async #alive(): Promise<Thread> {
    if (this.#thread?.alive === true) return this.#thread
    const { source, limits, specifier } = this.#module
    const { signal, onOutput } = this.#options
    if (this.#starts > limits.restarts) {
      throw new PluginError(
        'given-up',
        `not called any more, since ${specifier} had to be started ${this.#starts} times`,
      )
    }
    await this.stop()
    this.#starts += 1
    const printed = (line: string): void => onOutput?.(line, specifier)
    this.#thread = (await startThread({ ...source, limits, signal, onOutput: printed })).thread
    return this.#thread
  }
}
