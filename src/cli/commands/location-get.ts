import { BackupStorageLocations, type BackupStorageLocation } from '#api/backup-storage-location.ts'
import { formatSelector } from '#selection/label-selector.ts'
import { command } from '../command.ts'
import { installationFlags, openCluster, serverNamespace } from '../connection.ts'
import { OK } from '../exit.ts'
import { selector, toggle } from '../flag.ts'
import { labelColumns, printObjects, tableFlags } from '../output.ts'
import { installedObjects } from '../server-door.ts'
import { locationColumns } from './location-columns.ts'

export const locationGet = command({
  path: ['backup-location', 'get'],
  also: [
    ['get', 'backup-locations'],
    ['get', 'backup-location'],
  ],
  summary: 'List the stores the server knows',
  args: '[names...]',
  flags: {
    ...installationFlags,
    selector: selector('only locations with these labels', { short: 'l' }),
    default: toggle('only the default location'),
    ...tableFlags,
  },
  async run({ args, flags, context }) {
    const kube = await openCluster(context, flags)
    try {
      const namespace = serverNamespace(context, flags)
      const query = {
        namespace,
        labelSelector: flags.selector && formatSelector(flags.selector),
        signal: context.signal,
      }
      const locations = await installedObjects(kube, BackupStorageLocations, { names: args, query })
      printObjects(
        context,
        locations.filter(({ spec }) => flags.default !== true || spec.default === true),
        {
          format: flags.output,
          columns: [...locationColumns(), ...labelColumns<BackupStorageLocation>(flags)],
          none: `No backup locations in namespace ${namespace}. Make one with: lifeboat backup-location create NAME --provider … --bucket …`,
        },
      )
      return OK
    } finally {
      await kube.close()
    }
  },
})
