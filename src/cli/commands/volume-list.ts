import { decodeVolumeInfo, type VolumeInfo } from '#archive/volume-info.ts'
import type { Backup } from '#api/backup.ts'
import { lastSnapshots } from '#doctor/last-snapshots.ts'
import { formatSelector } from '#selection/label-selector.ts'
import { command } from '../command.ts'
import { doorFlags, openCluster, openDoor, serverNamespace } from '../connection.ts'
import { note, type CliContext } from '../context.ts'
import type { Door } from '../door.ts'
import { OK } from '../exit.ts'
import { integer, list, selector } from '../flag.ts'
import { outputFlag, printObjects } from '../output.ts'
import type { Column } from '../table.ts'
import { formatAge } from '../units.ts'
import { examineVolumes, type ExaminedVolume } from './examined-volumes.ts'

const BACKUPS = 50

export const volumeList = command({
  path: ['volume', 'list'],
  also: [['volumes'], ['get', 'volumes']],
  summary: 'List the claims of the cluster: how their data get into backups, which backup has the last, and why not',
  flags: {
    ...doorFlags,
    'include-namespaces': list('only claims in these namespaces', { metavar: 'NAME,…' }),
    'exclude-namespaces': list('no claims in these namespaces', { metavar: 'NAME,…' }),
    selector: selector('only claims with these labels', { short: 'l' }),
    backups: integer(`how many backups to look into, from the newest on (default ${BACKUPS})`, 0),
    output: outputFlag(),
  },
  examples: ['lifeboat volume list', 'lifeboat volumes --include-namespaces shop -o json'],
  async run({ flags, context }) {
    await using door = await openDoor(context, flags)
    const kube = await openCluster(context, flags)
    try {
      const volumes = await examineVolumes(kube, {
        installedIn: serverNamespace(context, flags),
        namespaces: { include: flags['include-namespaces'] ?? [], exclude: flags['exclude-namespaces'] ?? [] },
        labelSelector: flags.selector && formatSelector(flags.selector),
        now: context.now(),
        signal: context.signal,
      })
      const claims = new Set(volumes.map(({ namespace, claim }) => `${namespace}/${claim}`))
      const { found, left } = await lastSnapshots(claims, {
        backups: await door.backups(),
        infosOf: (backup) => infosOf(backup, door, context),
        most: flags.backups ?? BACKUPS,
      })
      const rows = volumes.map((volume): Row => {
        const last = found.get(`${volume.namespace}/${volume.claim}`)
        return { ...volume, ...(last === undefined ? {} : { lastSnapshot: last }) }
      })
      const none = `No claims in ${kube.server}.`
      printObjects(context, rows, { format: flags.output, columns: columns(context), none })
      if (left > 0) note(context, `${left} older backups were not looked into: raise --backups to do so.`)
      return OK
    } finally {
      await kube.close()
    }
  },
})

/** Without the file nothing is known, which is told. */
async function infosOf({ metadata }: Backup, door: Door, context: CliContext): Promise<readonly VolumeInfo[]> {
  const bytes = await door.backupArtifact(metadata.name, 'volume-info')
  if (bytes !== undefined) return await decodeVolumeInfo(bytes)
  note(context, `Backup ${metadata.name} does not say what became of volumes.`)
  return []
}

type Row = ExaminedVolume & { readonly lastSnapshot?: { backup: string; method: string; taken: string } }

const ways: Record<ExaminedVolume['protectedBy'], string> = {
  'csi-snapshot': 'CSI snapshot',
  'native-snapshot': 'native snapshot',
  nothing: 'not',
}

function columns(context: CliContext): Column<Row>[] {
  return [
    { heading: 'NAMESPACE', text: ({ namespace }) => namespace },
    { heading: 'CLAIM', text: ({ claim }) => claim },
    { heading: 'CLASS', text: ({ storageClass }) => storageClass },
    { heading: 'DRIVER', text: ({ driver }) => driver },
    { heading: 'SIZE', text: ({ size }) => size },
    { heading: 'VOLUME', wide: true, text: ({ volume }) => volume },
    { heading: 'PROTECTED BY', text: ({ protectedBy }) => ways[protectedBy] },
    {
      heading: 'LAST SNAPSHOT',
      text: ({ lastSnapshot }) =>
        lastSnapshot === undefined ? '<none>' : `${formatAge(new Date(lastSnapshot.taken), context.now())} ago`,
    },
    { heading: 'BACKUP', text: ({ lastSnapshot }) => lastSnapshot?.backup ?? '' },
    { heading: 'WHY NOT', text: ({ whyNot }) => whyNot ?? '' },
  ]
}
