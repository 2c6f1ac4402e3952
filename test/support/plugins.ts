import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openPlugins, type PluginLimits, type PluginModule } from '#plugins/open.ts'

/** Plug-ins in a folder of their own, which they are told as `folder`; it is removed at the end of the scope. */
export interface PluginFolder extends AsyncDisposable {
  readonly path: string
  readonly modules: readonly PluginModule[]
  /** Makes a file in the folder: how a test gives a plug-in its cue. */
  cue(name: string): Promise<void>
  /** What a plug-in has written there; empty when it has not. */
  said(name: string): Promise<string>
}

/** Writes modules (JavaScript that may use `folder`, `there(name)`, `say(name, text)` and `cue(name)`, which waits) and opens them. */
export async function pluginFolder(
  sources: Readonly<Record<string, string>>,
  limits: Partial<PluginLimits> = {},
): Promise<PluginFolder> {
  const path = await mkdtemp(join(tmpdir(), 'lifeboat-plugins-'))
  for (const [name, source] of Object.entries(sources)) await writeFile(join(path, name), preamble(path) + source)
  const modules = await openPlugins(Object.keys(sources), { baseDir: path, limits })
  return {
    path,
    modules,
    cue: (name) => writeFile(join(path, name), ''),
    said: (name) => readFile(join(path, name), 'utf8').catch(() => ''),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }),
  }
}

function preamble(folder: string): string {
  return `
    import { appendFileSync, existsSync } from 'node:fs'
    import { setTimeout as sleep } from 'node:timers/promises'
    const folder = ${JSON.stringify(folder)}
    const there = (name) => existsSync(folder + '/' + name)
    const say = (name, text) => appendFileSync(folder + '/' + name, text + '\\n')
    const cue = async (name) => { while (!there(name)) await sleep(10) }
  `
}

/** A module with one action for ConfigMaps, `example.com/test`, with these further methods and fields. */
export function actingOnMaps(body: string): string {
  return `export default { backupItemActions: [{
    name: 'example.com/test', appliesTo: { includedResources: ['configmaps'] }, ${body} }] }`
}
