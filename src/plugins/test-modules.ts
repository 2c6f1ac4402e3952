// What the tests of this room share: modules in a folder, items, and the calls that they make.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Item, ServedType } from '#kube/object.ts'
import { startBackupActions, type BackupAction, type RunningActions } from './actions.ts'
import { PluginError, type PluginProblem } from './error.ts'
import { openPlugins, type PluginLimits } from './open.ts'
import type { PluginContext, PluginObject } from './plugin.ts'

/** What a small cluster serves. */
export const types = [served('', 'configmaps', 'cm'), served('', 'pods', 'po'), served('apps', 'deployments', 'deploy')]
/** What calls are told. */
export const context: PluginContext = {
  backup: { apiVersion: 'velero.io/v1', kind: 'Backup', metadata: { name: 'nightly' }, spec: {} },
}

function served(group: string, plural: string, short: string): ServedType {
  const verbs = ['list', 'get']
  const kind = plural.slice(0, -1)
  return {
    group,
    version: 'v1',
    plural,
    kind,
    namespaced: true,
    singular: kind,
    shortNames: [short],
    verbs,
    preferred: true,
  }
}

/** An item of a namespace, by default a ConfigMap of `shop`. */
export function item(
  name: string,
  { type = types[0]!, labels = {}, namespace = 'shop' as string | undefined } = {},
): Item {
  const metadata = { name, labels, ...(namespace === undefined ? {} : { namespace }) }
  return { type, namespace, name, object: { apiVersion: 'v1', kind: type.kind, metadata } }
}

/** A folder with these files, and what opens them. */
export async function folder(files: Record<string, string>): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'lifeboat-plugins-'))
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true })
    await writeFile(join(path, name), text)
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

/** A module that exports these actions. */
export function plugin(actions: string): string {
  return `export default { backupItemActions: [${actions}] }`
}

/** A module with one action whose `execute` has this body. */
export function executing(body: string): string {
  return plugin(
    `{ name: 'example.com/one', async execute(item, { backup }) { ${body} }, progress: () => ({ completed: true }) }`,
  )
}

/** Runs `work` with the actions of one module with this source. */
export async function withModule(
  source: string,
  work: (actions: RunningActions<BackupAction>, output: string[]) => Promise<void>,
  limits: Partial<PluginLimits> = {},
): Promise<void> {
  await using files = await folder({ 'one.mjs': source })
  const modules = await openPlugins(['one.mjs'], { baseDir: files.path, limits: { callMillis: 5_000, ...limits } })
  const output: string[] = []
  await using actions = startBackupActions(modules, { types, onOutput: (line) => output.push(line) })
  await work(actions, output)
}

/** The one action that gets an item. */
export function only(actions: RunningActions<BackupAction>, of: Item): BackupAction {
  const [action, ...more] = actions.of(of)
  assert.ok(action !== undefined && more.length === 0)
  return action
}

/** Has the one action look at a ConfigMap. */
export async function execute(
  actions: RunningActions<BackupAction>,
  name: string,
): ReturnType<BackupAction['execute']> {
  const of = item(name)
  return await only(actions, of).execute(of.object as PluginObject, context)
}

/** The message of the PluginError that `work` has to fail with. */
export async function failure(work: Promise<unknown>, problem: PluginProblem): Promise<string> {
  const error = await work.then(
    () => assert.fail('nothing failed'),
    (error: unknown) => error,
  )
  assert.ok(error instanceof PluginError, String(error))
  assert.equal(error.problem, problem, error.message)
  return error.message
}
