// Copies a folder while a backup is made. A ConfigMap with the annotations example.com/copy-from and example.com/copy-to asks for it;
// the backup waits for the copy, and the ConfigMap is stored as it is afterwards.
import { cp, rename, rm, stat } from 'node:fs/promises'
import type { BackupItemAction, PluginBackup, Plugin } from 'lifeboat/plugin'

/** Why a copy of this process failed. */
const failures = new Map<string, string>()

const copyFolder: BackupItemAction = {
  name: 'example.com/copy-folder',
  appliesTo: { includedResources: ['configmaps'] },
  async execute({ metadata }, { backup }) {
    const { 'example.com/copy-from': from, 'example.com/copy-to': to } = metadata.annotations ?? {}
    if (from === undefined || to === undefined || hasCopied(backup)) return undefined
    const target = `${to}/${backup.metadata.name}`
    // A backup that was interrupted is made again, and may find its copy.
    if (!(await isThere(target))) void copy(from, target)
    const { namespace, name } = metadata
    // The id says where to look, also to a process that did not start the copy.
    return { operation: { id: target, postOperationItems: [{ resource: 'configmaps', namespace, name }] } }
  },
  async progress(target) {
    const error = failures.get(target)
    if (error !== undefined) return { completed: true, error }
    return { completed: await isThere(target), description: `copying to ${target}` }
  },
  async cancel(target) {
    await rm(`${target}.part`, { recursive: true, force: true })
  },
}

/** The copy is whole or not there at all. */
async function copy(from: string, target: string): Promise<void> {
  try {
    await rm(`${target}.part`, { recursive: true, force: true })
    await cp(from, `${target}.part`, { recursive: true })
    await rename(`${target}.part`, target)
  } catch (error) {
    failures.set(target, String(error))
  }
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  )
}

/** Items come once more when all operations have ended. */
function hasCopied({ status }: PluginBackup): boolean {
  return status?.phase?.startsWith('Finalizing') === true
}

export default { backupItemActions: [copyFolder] } satisfies Plugin
