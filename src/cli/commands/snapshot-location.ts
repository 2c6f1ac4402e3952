import { VolumeSnapshotLocations, type VolumeSnapshotLocation } from '#api/volume-snapshot-location.ts'
import { apiVersionOf } from '#kube/object.ts'
import { command } from '../command.ts'
import { installationFlags, openCluster, serverNamespace } from '../connection.ts'
import { print } from '../context.ts'
import { OK, USAGE, UserError } from '../exit.ts'
import { map, selector, text } from '../flag.ts'
import { labelColumns, printObjects, tableFlags } from '../output.ts'
import { installed, installedObjects } from '../server-door.ts'
import type { Column } from '../table.ts'
import { credentialFlag, credentialOf } from './location-fields.ts'
import { formatSelector } from '#selection/label-selector.ts'

const columns: Column<VolumeSnapshotLocation>[] = [
  { heading: 'NAME', text: ({ metadata }) => metadata.name },
  { heading: 'PROVIDER', text: ({ spec }) => spec.provider },
]

export const snapshotLocationCreate = command({
  path: ['snapshot-location', 'create'],
  also: [['create', 'snapshot-location']],
  summary: 'Tell the server of a provider that takes snapshots of volumes',
  args: '<name>',
  flags: {
    ...installationFlags,
    provider: text('who takes the snapshots, such as aws', { metavar: 'NAME' }),
    config: map('settings of the provider: region=…'),
    credential: credentialFlag,
    labels: map('labels of the location'),
    ...tableFlags,
  },
  examples: ['lifeboat snapshot-location create default --provider aws --config region=eu-west-1'],
  async run({ args, flags, context }) {
    if (flags.provider === undefined) throw new UserError('--provider is needed', { exitCode: USAGE })
    const namespace = serverNamespace(context, flags)
    const location: VolumeSnapshotLocation = {
      apiVersion: apiVersionOf(VolumeSnapshotLocations),
      kind: VolumeSnapshotLocations.kind,
      metadata: { name: args[0] ?? '', namespace, ...(flags.labels && { labels: flags.labels }) },
      spec: { provider: flags.provider, config: flags.config, credential: credentialOf(flags.credential) },
    }
    if (flags.output !== undefined) {
      printObjects(context, [location], {
        format: flags.output,
        columns: [...columns, ...labelColumns<VolumeSnapshotLocation>(flags)],
        none: '',
      })
      return OK
    }
    const kube = await openCluster(context, flags)
    try {
      const scope = { namespace, signal: context.signal }
      await installed(VolumeSnapshotLocations, () => kube.create(VolumeSnapshotLocations, location, scope))
    } finally {
      await kube.close()
    }
    print(context, `Snapshot volume location "${location.metadata.name}" configured successfully.`)
    return OK
  },
})

export const snapshotLocationGet = command({
  path: ['snapshot-location', 'get'],
  also: [
    ['get', 'snapshot-locations'],
    ['get', 'snapshot-location'],
  ],
  summary: 'List the providers of snapshots the server knows',
  args: '[names...]',
  flags: {
    ...installationFlags,
    selector: selector('only locations with these labels', { short: 'l' }),
    ...tableFlags,
  },
  async run({ args, flags, context }) {
    const kube = await openCluster(context, flags)
    const namespace = serverNamespace(context, flags)
    const query = { namespace, labelSelector: flags.selector && formatSelector(flags.selector), signal: context.signal }
    try {
      const locations = await installedObjects(kube, VolumeSnapshotLocations, { names: args, query })
      const none = `No snapshot locations in namespace ${namespace}. Make one with: lifeboat snapshot-location create NAME --provider …`
      printObjects(context, locations, {
        format: flags.output,
        columns: [...columns, ...labelColumns<VolumeSnapshotLocation>(flags)],
        none,
      })
      return OK
    } finally {
      await kube.close()
    }
  },
})

export const snapshotLocationSet = command({
  path: ['snapshot-location', 'set'],
  summary: 'Change the credentials of a provider of snapshots',
  args: '<name>',
  flags: { ...installationFlags, credential: credentialFlag },
  async run({ args, flags, context }) {
    const [name = ''] = args
    const credential = credentialOf(flags.credential)
    if (credential === undefined)
      throw new UserError('say what to change: --credential SECRET=KEY', { exitCode: USAGE })
    const kube = await openCluster(context, flags)
    try {
      const scope = { namespace: serverNamespace(context, flags), signal: context.signal }
      const change = { merge: { spec: { credential } } }
      await installed(VolumeSnapshotLocations, () => kube.patch(VolumeSnapshotLocations, name, change, scope))
    } finally {
      await kube.close()
    }
    print(context, `Volume snapshot location "${name}" configured successfully.`)
    return OK
  },
})
