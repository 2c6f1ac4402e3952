import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseAllDocuments } from 'yaml'
import type { KubeClient } from '#kube/client.ts'
import { apiVersionOf, type KubeObject, type ResourceType } from '#kube/object.ts'
import { ensureAsset } from '#sandbox/assets.ts'
import { ensurePackages, type PackageSet } from '#sandbox/debian-packages.ts'
import { startProgram, type RunningProgram } from '#sandbox/program.ts'
import type { SandboxNode } from '#sandbox/sandbox-node.ts'
import { Claims, Definitions, StorageClasses, Volumes } from '../objects.ts'
import { plainProgress } from '../plain-progress.ts'
import { eventually } from '../server.ts'
import type { DriverConfig } from './driver.ts'
import { openFaults, type Fault } from './faults.ts'
import { openRecords, type SnapshotRecord, type VolumeRecord } from './records.ts'

/** Name of the driver, of the one StorageClass (the default one) and of the one VolumeSnapshotClass and VolumeGroupSnapshotClass. */
export const csi = { driver: 'csi.lifeboat.dev', storageClass: 'csi', snapshotClass: 'csi' } as const

const snapshotType = (plural: string, kind: string, namespaced: boolean): ResourceType => ({
  group: 'snapshot.storage.k8s.io',
  version: 'v1',
  plural,
  kind,
  namespaced,
})
export const VolumeSnapshots = snapshotType('volumesnapshots', 'VolumeSnapshot', true)
export const VolumeSnapshotContents = snapshotType('volumesnapshotcontents', 'VolumeSnapshotContent', false)
export const VolumeSnapshotClasses = snapshotType('volumesnapshotclasses', 'VolumeSnapshotClass', false)
const groups = { group: 'groupsnapshot.storage.k8s.io', version: 'v1' } as const
/** A snapshot of several volumes, as far as tests look at it. */
export interface GroupSnapshot extends KubeObject {
  status?: { readyToUse?: boolean }
}
export const VolumeGroupSnapshots: ResourceType<GroupSnapshot> = {
  ...groups,
  plural: 'volumegroupsnapshots',
  kind: 'VolumeGroupSnapshot',
  namespaced: true,
}
export const VolumeGroupSnapshotClasses: ResourceType = {
  ...groups,
  plural: 'volumegroupsnapshotclasses',
  kind: 'VolumeGroupSnapshotClass',
  namespaced: false,
}
const inStorageGroup = { group: 'storage.k8s.io', version: 'v1', namespaced: false }
const Drivers: ResourceType = { ...inStorageGroup, plural: 'csidrivers', kind: 'CSIDriver' }
const NodeDrivers: ResourceType = { ...inStorageGroup, plural: 'csinodes', kind: 'CSINode' }

/** The driver's side of the storage: what it holds, and what goes wrong in it. */
export interface CsiStorage {
  /** Every volume, whether the cluster knows it or not. */
  volumes(): Promise<VolumeRecord[]>
  snapshots(): Promise<SnapshotRecord[]>
  /** Handle of the volume that a claim is bound to. */
  handleOf(claim: { namespace: string; name: string }): Promise<string>
  /** Switches a fault on for snapshots of the volume, or restores of the snapshot, with that handle, until it is disposed. */
  fault(handle: string, fault: Fault): Promise<AsyncDisposable>
  /** Takes a snapshot away behind everybody's back. */
  lose(snapshotHandle: string): Promise<void>
}

/** The storage of the sandbox with `stateDir`. */
export async function openStorage(kube: KubeClient, stateDir: string): Promise<CsiStorage> {
  const directory = storageDirectory(stateDir)
  const volumes = await openRecords<VolumeRecord>(join(directory, 'volumes'))
  const snapshots = await openRecords<SnapshotRecord>(join(directory, 'snapshots'))
  const faults = await openFaults(join(directory, 'faults'))
  return {
    volumes: () => volumes.list(),
    snapshots: () => snapshots.list(),
    handleOf: ({ namespace, name }) =>
      eventually(async () => {
        const claim = (await kube.get(Claims, name, { namespace })) as { spec?: { volumeName?: string } }
        const volume = claim.spec?.volumeName
        if (volume === undefined) return undefined
        const { spec } = (await kube.get(Volumes, volume)) as { spec?: { csi?: { volumeHandle: string } } }
        return spec?.csi?.volumeHandle
      }, 120),
    fault: (handle, fault) => faults.set(handle, fault),
    lose: (handle) => snapshots.remove(handle),
  }
}

const btrfs: PackageSet = { name: 'btrfs-progs', packages: ['btrfs-progs', 'liblzo2-2'] }

/** What storage is made from. */
export interface StoragePrograms {
  /** Folder of the programs with which the driver makes its pool. */
  tools: string
  sidecars: Record<'snapshot-controller' | 'csi-snapshotter' | 'csi-provisioner', string>
}

/** Gets hold of the programs, from the cache or by fetching and building them into it. */
export async function prepareStorage(signal?: AbortSignal): Promise<StoragePrograms> {
  const options = { env: process.env, progress: plainProgress(), signal }
  return {
    tools: await poolTools(signal),
    sidecars: {
      'snapshot-controller': await ensureAsset('snapshot-controller', options),
      'csi-snapshotter': await ensureAsset('csi-snapshotter', options),
      'csi-provisioner': await ensureAsset('csi-provisioner', options),
    },
  }
}

/**
 * Gives a sandbox with a node its storage: the driver and, as in every cluster, csi-provisioner, csi-snapshotter and snapshot-controller.
 * They run among the node's processes and end with them, or with this process.
 */
export async function startStorage(
  kube: KubeClient,
  { node, stateDir }: Place,
  programs?: StoragePrograms,
): Promise<void> {
  const { tools, sidecars } = programs ?? (await prepareStorage())
  await applyTypes(kube)
  const socket = `/var/lib/kubelet/plugins/${csi.driver}/csi.sock`
  const config: DriverConfig = {
    name: csi.driver,
    nodeName: node.name,
    directory: storageDirectory(stateDir),
    tools,
    socket,
    registrationSocket: `/var/lib/kubelet/plugins_registry/${csi.driver}.sock`,
  }
  await startDriver(config, { node, stateDir })
  await eventually(async () => {
    const found = (await kube.find(NodeDrivers, node.name)) as { spec?: { drivers?: { name: string }[] } } | undefined
    return found?.spec?.drivers?.some(({ name }) => name === csi.driver) || undefined
  }, 120)
  const kubeconfig = `--kubeconfig=${join(stateDir, 'kubeconfig')}`
  const quick = [kubeconfig, '--kube-api-qps=200', '--kube-api-burst=400', '--retry-interval-start=200ms']
  const groups = '--feature-gates=CSIVolumeGroupSnapshot=true'
  const address = `--csi-address=${socket}`
  const place = { node, stateDir }
  await startInside(place, 'snapshot-controller', [sidecars['snapshot-controller'], ...quick, groups])
  await startInside(place, 'csi-snapshotter', [
    sidecars['csi-snapshotter'],
    ...quick,
    groups,
    address,
    '--extra-create-metadata',
  ])
  await startInside(place, 'csi-provisioner', [
    sidecars['csi-provisioner'],
    ...quick,
    address,
    '--extra-create-metadata',
    '--feature-gates=Topology=false',
  ])
}

/** Starts a driver among the node's processes; it ends with them, or with this process. */
export async function startDriver(config: DriverConfig, place: Place): Promise<RunningProgram> {
  const file = fileURLToPath(new URL('driver.ts', import.meta.url))
  return startInside(place, `csi-driver-${config.name}`, [process.execPath, file, JSON.stringify(config)])
}

/** Folder of the programs with which the driver makes its pool. */
export function poolTools(signal?: AbortSignal): Promise<string> {
  return ensurePackages(btrfs, { env: process.env, signal })
}

/** Where a driver runs: beside the node of the sandbox whose folder is `stateDir`. */
export interface Place {
  node: SandboxNode
  stateDir: string
}

function startInside({ node, stateDir }: Place, name: string, command: string[]): Promise<RunningProgram> {
  const [path = '', ...args] = node.inside(command)
  const logPath = join(stateDir, 'logs', `${name}.log`)
  return startProgram({ name, path, args, logPath, env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' } })
}

async function applyTypes(kube: KubeClient): Promise<void> {
  const apply = (type: ResourceType, object: KubeObject) => kube.apply(type, object, { fieldManager: 'lifeboat-test' })
  const file = fileURLToPath(new URL('snapshot-crds.yaml', import.meta.url))
  const documents = parseAllDocuments(await readFile(file, 'utf8'))
  for (const document of documents) await apply(Definitions, document.toJS() as KubeObject)
  await eventually(async () => {
    const served = (await kube.discover()).types.filter(({ group }) => group.endsWith(VolumeSnapshots.group))
    return new Set(served.map(({ kind }) => kind)).size >= documents.length || undefined
  })
  const named = (type: ResourceType, name: string, rest: object): KubeObject =>
    ({ apiVersion: apiVersionOf(type), kind: type.kind, metadata: { name }, ...rest }) as KubeObject
  await apply(Drivers, named(Drivers, csi.driver, { spec: { attachRequired: false, podInfoOnMount: false } }))
  await apply(StorageClasses, {
    ...named(StorageClasses, csi.storageClass, { provisioner: csi.driver }),
    metadata: { name: csi.storageClass, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  })
  const ofGroups = { driver: csi.driver, deletionPolicy: 'Delete' }
  await apply(VolumeGroupSnapshotClasses, named(VolumeGroupSnapshotClasses, csi.snapshotClass, ofGroups))
  await apply(VolumeSnapshotClasses, {
    ...named(VolumeSnapshotClasses, csi.snapshotClass, { driver: csi.driver, deletionPolicy: 'Delete' }),
    // How Velero's users choose the class.
    metadata: { name: csi.snapshotClass, labels: { 'velero.io/csi-volumesnapshot-class': 'true' } },
  })
}

function storageDirectory(stateDir: string): string {
  return join(stateDir, 'csi')
}
