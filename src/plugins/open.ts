// plugins/ runs the code of others: each module in a thread of its own, with limits, and what it answers is checked before anybody relies on it.
// It must never know how a backup is made, read or stored.
import { stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { compileApplies } from './applies.ts'
import { readPlugin, type PluginDescription } from './description.ts'
import { PluginError } from './error.ts'
import { startThread, type ThreadLimits } from './thread.ts'

/** How much a module may use, and how often it may fail. */
export interface PluginLimits extends ThreadLimits {
  /** How often in one run its thread is started again. */
  readonly restarts: number
}

/** A module that was loaded once and is fit for use. A value: it may serve any number of runs, also at the same time. */
export interface PluginModule {
  /** As it was named by the user. */
  readonly specifier: string
  /** What a thread imports, and from where. */
  readonly source: { readonly specifier: string; readonly base: string }
  readonly actions: PluginDescription
  readonly limits: PluginLimits
}

export interface OpenPluginsOptions {
  /** Folder from which files and packages are looked for. */
  readonly baseDir: string
  /** Defaults: a minute for loading and for each call, 256 MiB of heap, 5 restarts. */
  readonly limits?: Partial<PluginLimits> | undefined
  readonly signal?: AbortSignal | undefined
}

const defaultLimits: PluginLimits = { loadMillis: 60_000, callMillis: 60_000, heapMegabytes: 256, restarts: 5 }

/**
 * Loads the modules named by `specifiers` (paths of files, or names of packages), in this order, each once and in a thread, to see what they are.
 * No thread is left. Rejects with PluginError ('not-found', 'cannot-load', 'invalid'), whose message names the module and says what to do.
 */
export async function openPlugins(specifiers: readonly string[], options: OpenPluginsOptions): Promise<PluginModule[]> {
  const modules: PluginModule[] = []
  const owners = new Map<string, string>()
  for (const specifier of specifiers) {
    const module = await openModule(specifier, options)
    for (const { kind, name } of actionsOf(module)) {
      const other = owners.get(`${kind} ${name}`)
      if (other !== undefined) {
        throw new PluginError(
          'invalid',
          `plug-ins ${other} and ${specifier} both have an action ${name}; use one of them`,
        )
      }
      owners.set(`${kind} ${name}`, specifier)
    }
    modules.push(module)
  }
  return modules
}

/** The actions of a module under Velero's words for their kinds. */
export function actionsOf({ actions }: PluginModule): { kind: string; name: string }[] {
  return [
    ...actions.backupItemActions.map(({ name }) => ({ kind: 'BackupItemActionV2', name })),
    ...actions.restoreItemActions.map(({ name }) => ({ kind: 'RestoreItemActionV2', name })),
  ]
}

async function openModule(specifier: string, options: OpenPluginsOptions): Promise<PluginModule> {
  const limits = { ...defaultLimits, ...options.limits }
  try {
    const source = await sourceOf(specifier, options.baseDir)
    const { thread, exported } = await startThread({ ...source, limits, signal: options.signal })
    await thread[Symbol.asyncDispose]()
    const actions = readPlugin(exported)
    // A selector that is none would otherwise show only in the middle of a backup.
    for (const action of [...actions.backupItemActions, ...actions.restoreItemActions]) compileApplies(action, [])
    return { specifier, source, actions, limits }
  } catch (error) {
    if (!(error instanceof PluginError)) throw error
    throw new PluginError(error.problem, `plug-in ${specifier} ${error.message}; ${adviceFor(error, options)}`, {
      cause: error,
    })
  }
}

/** What looks like a path, or is one, is a file; anything else a package. */
async function sourceOf(specifier: string, baseDir: string): Promise<PluginModule['source']> {
  const base = pathToFileURL(`${resolve(baseDir)}/`).href
  if (specifier.startsWith('file:')) return { specifier, base }
  const path = resolve(baseDir, specifier)
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  )
  if (isFile) return { specifier: pathToFileURL(path).href, base }
  if (/^\.{0,2}\//.test(specifier)) throw new PluginError('not-found', `cannot be loaded: there is no file ${path}`)
  return { specifier, base }
}

function adviceFor({ problem }: PluginError, { baseDir }: OpenPluginsOptions): string {
  return problem === 'not-found'
    ? `name a file, or a package that is installed in ${resolve(baseDir)}`
    : 'mend the module, or leave it out'
}
