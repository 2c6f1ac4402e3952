import { BackupRepositories } from '#api/backup-repository.ts'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups } from '#api/backup.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { formatSelector } from '#selection/label-selector.ts'
import { assertOneChoice, confirm } from '../chosen.ts'
import { command } from '../command.ts'
import { installationFlags, openCluster, serverNamespace } from '../connection.ts'
import { print } from '../context.ts'
import { OK } from '../exit.ts'
import { selector, toggle } from '../flag.ts'
import { installed } from '../server-door.ts'
import { counted } from '../units.ts'
import { firstFew } from './backup-get.ts'

export const locationDelete = command({
  path: ['backup-location', 'delete'],
  also: [
    ['delete', 'backup-location'],
    ['delete', 'backup-locations'],
  ],
  summary: 'Make the server forget stores, with the objects of their backups; their files stay',
  args: '[names...]',
  flags: {
    ...installationFlags,
    all: toggle('forget every one'),
    selector: selector('forget those with these labels', { short: 'l' }),
    confirm: toggle('do not ask'),
  },
  async run({ args, flags, context }) {
    assertOneChoice(args, flags)
    const kube = await openCluster(context, flags)
    const scope = { namespace: serverNamespace(context, flags), signal: context.signal }
    try {
      const labelSelector = flags.selector && formatSelector(flags.selector)
      const names = await installed(BackupStorageLocations, () => chosen(kube, args, { ...scope, labelSelector }))
      if (names.length === 0) {
        print(context, 'No backup storage locations found')
        return OK
      }
      if (flags.confirm !== true) {
        await confirm(context, `Forget ${firstFew(names)} in ${kube.server}, and the objects of their backups?`)
      }
      for (const name of names) {
        const { backups, repositories } = await forget(kube, name, scope)
        const rest = `${counted(backups, 'Backup object')} and ${counted(repositories, 'BackupRepository object')}`
        print(context, `Backup storage location "${name}" deleted successfully, with ${rest}. Its files stay.`)
      }
      return OK
    } finally {
      await kube.close()
    }
  },
})

interface Scope {
  readonly namespace: string
  readonly signal: AbortSignal
}

async function chosen(
  kube: KubeClient,
  args: readonly string[],
  query: Scope & { labelSelector: string | undefined },
): Promise<string[]> {
  const { namespace, signal } = query
  const { items } =
    args.length > 0
      ? { items: await Promise.all(args.map((name) => kube.get(BackupStorageLocations, name, { namespace, signal }))) }
      : await kube.list(BackupStorageLocations, query)
  return items.map(({ metadata }) => metadata.name)
}

/** The location first, so that no server brings its backups in again. */
async function forget(
  kube: KubeClient,
  name: string,
  scope: Scope,
): Promise<{ backups: number; repositories: number }> {
  await kube.delete(BackupStorageLocations, name, scope)
  return {
    backups: await deleteAll(kube, { type: Backups, isOf: ({ spec }) => spec.storageLocation === name }, scope),
    repositories: await deleteAll(
      kube,
      { type: BackupRepositories, isOf: ({ spec }) => spec.backupStorageLocation === name },
      scope,
    ),
  }
}

async function deleteAll<T extends KubeObject>(
  kube: KubeClient,
  { type, isOf }: { type: ResourceType<T>; isOf: (object: T) => boolean },
  scope: Scope,
): Promise<number> {
  const names: string[] = []
  for await (const { items } of kube.pages(type, scope)) {
    names.push(...items.filter((item) => isOf(item)).map(({ metadata }) => metadata.name))
  }
  for (const one of names) await kube.delete(type, one, scope)
  return names.length
}
