/** What a thread needs to know when it starts. */
export interface WorkerStart {
  /** URL of the module, or the name of a package. */
  readonly specifier: string
  /** URL of the folder from which a package is looked for. */
  readonly base: string
}

/** The lists of actions that a module may export. */
export type ActionList = 'backupItemActions' | 'restoreItemActions'

/** One call; sent as JSON, with a number. */
export interface WorkerCall {
  readonly list: ActionList
  /** Place in the list. */
  readonly action: number
  readonly method: string
  readonly arguments: readonly unknown[]
}

/** The answer to a call, or to number 0 what the module exports; sent as JSON. */
export type WorkerAnswer = { readonly id?: number } & (
  | { readonly value?: unknown }
  | { readonly error: string; readonly missing?: boolean }
)

/** The source of the thread in which a module runs. Part of the program's one file, so there is no second file that could be missing. */
export function workerSource(): string {
  return `(${inWorker.toString()})()`
}

/** Runs in a thread of its own, from its text: it must use nothing from outside its braces. */
function inWorker(): void {
  const { parentPort: port, workerData } = process.getBuiltinModule('node:worker_threads')
  const { registerHooks } = process.getBuiltinModule('node:module')
  const { specifier, base } = workerData as { specifier: string; base: string }
  type Action = Record<string, unknown>
  let plugin: Record<string, Action[]> = {}

  const textOf = (error: unknown): string => (error instanceof Error ? error.message || error.name : String(error))
  const answer = (value: object): void => port?.postMessage(JSON.stringify(value))
  // What was printed during a call is read before its answer is.
  const printed = async (): Promise<void> => {
    for (const output of [process.stdout, process.stderr]) {
      if (output.writableLength > 0) await new Promise((resolve) => output.write('', resolve))
    }
  }
  const raw = (_key: string, value: unknown, { source }: { source?: string }): unknown =>
    typeof value === 'number' && source !== undefined && String(value) !== source
      ? (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(source)
      : value
  const parse = (text: string): unknown =>
    (JSON as unknown as { parse(text: string, reviver: typeof raw): unknown }).parse(text, raw)
  const outline = (action: unknown): unknown => {
    if (typeof action !== 'object' || action === null) return action
    const known = action as Action
    const methods = ['execute', 'progress', 'cancel', 'areAdditionalItemsReady'].filter(
      (name) => typeof known[name] === 'function',
    )
    return { name: known['name'], appliesTo: known['appliesTo'], methods }
  }

  const load = async (): Promise<void> => {
    // A package is looked for from where the configuration is, not from this program.
    const hooks = registerHooks({
      resolve: (name, context, next) => next(name, name === specifier ? { ...context, parentURL: base } : context),
    })
    const module = (await import(specifier)) as { default?: unknown }
    hooks.deregister()
    plugin = (module.default ?? {}) as typeof plugin
    const lists = Object.entries(plugin).map(([name, list]) => [name, Array.isArray(list) ? list.map(outline) : list])
    answer({ id: 0, value: module.default && Object.fromEntries(lists) })
  }
  const call = async (text: string): Promise<void> => {
    const { id, list, action, method, arguments: values } = parse(text) as WorkerCall & { id: number }
    try {
      const known = plugin[list]?.[action] ?? {}
      const work = known[method] as (...values: readonly unknown[]) => unknown
      const value = await work.apply(known, [...values])
      await printed()
      answer({ id, value })
    } catch (error) {
      await printed()
      answer({ id, error: textOf(error) })
    }
  }

  port?.on('message', (text: string) => void call(text))
  load().catch((error: unknown) => {
    const code = (error as { code?: unknown } | null)?.code
    answer({ id: 0, error: textOf(error), missing: code === 'ERR_MODULE_NOT_FOUND' })
  })
}
