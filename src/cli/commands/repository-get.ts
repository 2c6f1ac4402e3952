import { BackupRepositories, type BackupRepository } from '#api/backup-repository.ts'
import { formatSelector } from '#selection/label-selector.ts'
import { command } from '../command.ts'
import { installationFlags, openCluster, serverNamespace } from '../connection.ts'
import { OK } from '../exit.ts'
import { selector } from '../flag.ts'
import { labelColumns, printObjects, tableFlags } from '../output.ts'
import { installedObjects } from '../server-door.ts'
import type { Column } from '../table.ts'

const columns: Column<BackupRepository>[] = [
  { heading: 'NAME', text: ({ metadata }) => metadata.name },
  { heading: 'STATUS', text: ({ status }) => status?.phase ?? 'New' },
  { heading: 'LAST MAINTENANCE', text: ({ status }) => status?.lastMaintenanceTime ?? '<never>' },
  { heading: 'NAMESPACE', wide: true, text: ({ spec }) => spec.volumeNamespace },
  { heading: 'STORAGE LOCATION', wide: true, text: ({ spec }) => spec.backupStorageLocation },
  { heading: 'MESSAGE', wide: true, text: ({ status }) => status?.message ?? '' },
]

export const repositoryGet = command({
  path: ['repo', 'get'],
  summary: 'List the repositories of file copies that Velero made',
  args: '[names...]',
  flags: {
    ...installationFlags,
    selector: selector('only repositories with these labels', { short: 'l' }),
    ...tableFlags,
  },
  async run({ args, flags, context }) {
    const kube = await openCluster(context, flags)
    const namespace = serverNamespace(context, flags)
    const query = { namespace, labelSelector: flags.selector && formatSelector(flags.selector), signal: context.signal }
    try {
      const repositories = await installedObjects(kube, BackupRepositories, { names: args, query })
      const none = `No repositories in namespace ${namespace}: nobody has made copies of files there.`
      printObjects(context, repositories, {
        format: flags.output,
        columns: [...columns, ...labelColumns<BackupRepository>(flags)],
        none,
      })
      return OK
    } finally {
      await kube.close()
    }
  },
})
