// The CSI driver of the tests, a process of its own that is started among the node's mounts: volumes and snapshots are subvolumes of a
// btrfs, faults can be switched on from outside, and it registers with the kubelet by itself. Its argument is its configuration, JSON.
import { rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { mkdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import {
  loadPackageDefinition,
  Server,
  ServerCredentials,
  status,
  type handleUnaryCall,
  type GrpcObject,
  type ServiceClientConstructor,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import {
  createSnapshot,
  createVolume,
  deleteSnapshot,
  deleteVolume,
  listSnapshots,
  validateCapabilities,
  type Storage,
} from './controller.ts'
import { CsiError } from './csi-error.ts'
import { openFaults } from './faults.ts'
import { createGroupSnapshot, deleteGroupSnapshot, getGroupSnapshot } from './group-controller.ts'
import { publishVolume, unpublishVolume } from './node-service.ts'
import { openPool } from './pool.ts'
import { openRecords } from './records.ts'

/** What the driver is told when it is started. */
export interface DriverConfig {
  name: string
  nodeName: string
  /** Records, faults and the pool are kept here. */
  directory: string
  /** Folder of Debian's btrfs-progs. */
  tools: string
  /** Path of the driver's socket, as the kubelet sees it. */
  socket: string
  /** Where the kubelet looks for new drivers. */
  registrationSocket: string
}

const config = JSON.parse(process.argv[2] ?? '') as DriverConfig
const storage: Storage = {
  pool: await openPool(config.directory, config.tools),
  volumes: await openRecords(join(config.directory, 'volumes')),
  snapshots: await openRecords(join(config.directory, 'snapshots')),
  faults: await openFaults(join(config.directory, 'faults')),
}
await serve(config.socket, 'csi.proto', {
  'csi.v1.Identity': identity(),
  'csi.v1.Controller': controller(storage),
  'csi.v1.GroupController': groupController(storage),
  'csi.v1.Node': nodeService(storage),
})
await serve(config.registrationSocket, 'registration.proto', { 'pluginregistration.Registration': registration() })
process.stderr.write(`serving ${config.name} from ${storage.pool.kind}\n`)

function identity(): UntypedServiceImplementation {
  const services = ['CONTROLLER_SERVICE', 'GROUP_CONTROLLER_SERVICE']
  return {
    GetPluginInfo: answer(async () => ({ name: config.name, vendorVersion: '1' })),
    GetPluginCapabilities: answer(async () => ({ capabilities: services.map((type) => ({ service: { type } })) })),
    Probe: answer(async () => ({ ready: { value: true } })),
  }
}

function controller(of: Storage): UntypedServiceImplementation {
  const types = ['CREATE_DELETE_VOLUME', 'CREATE_DELETE_SNAPSHOT', 'LIST_SNAPSHOTS', 'CLONE_VOLUME']
  const inTurn = turns()
  return {
    ControllerGetCapabilities: answer(async () => ({ capabilities: types.map((type) => ({ rpc: { type } })) })),
    CreateVolume: answer((request: Parameters<typeof createVolume>[1]) =>
      inTurn(request.name, () => createVolume(of, request)),
    ),
    DeleteVolume: answer((request: { volumeId: string }) => deleteVolume(of, request)),
    ValidateVolumeCapabilities: answer((request: Parameters<typeof validateCapabilities>[1]) =>
      validateCapabilities(of, request),
    ),
    CreateSnapshot: answer((request: { name: string; sourceVolumeId: string }) =>
      inTurn(request.name, () => createSnapshot(of, request)),
    ),
    DeleteSnapshot: answer((request: { snapshotId: string }) => deleteSnapshot(of, request)),
    ListSnapshots: answer((request: Parameters<typeof listSnapshots>[1]) => listSnapshots(of, request)),
  }
}

function groupController(of: Storage): UntypedServiceImplementation {
  const inTurn = turns()
  const types = ['CREATE_DELETE_GET_VOLUME_GROUP_SNAPSHOT']
  return {
    GroupControllerGetCapabilities: answer(async () => ({ capabilities: types.map((type) => ({ rpc: { type } })) })),
    CreateVolumeGroupSnapshot: answer((request: Parameters<typeof createGroupSnapshot>[1]) =>
      inTurn(request.name, () => createGroupSnapshot(of, request)),
    ),
    DeleteVolumeGroupSnapshot: answer((request: Parameters<typeof deleteGroupSnapshot>[1]) =>
      deleteGroupSnapshot(of, request),
    ),
    GetVolumeGroupSnapshot: answer((request: Parameters<typeof getGroupSnapshot>[1]) => getGroupSnapshot(of, request)),
  }
}

function nodeService(of: Storage): UntypedServiceImplementation {
  return {
    NodeGetInfo: answer(async () => ({ nodeId: config.nodeName })),
    NodeGetCapabilities: answer(async () => ({ capabilities: [] })),
    NodePublishVolume: answer((request: Parameters<typeof publishVolume>[1]) => publishVolume(of, request)),
    NodeUnpublishVolume: answer((request: Parameters<typeof unpublishVolume>[0]) => unpublishVolume(request)),
  }
}

function registration(): UntypedServiceImplementation {
  return {
    GetInfo: answer(async () => ({
      type: 'CSIPlugin',
      name: config.name,
      endpoint: config.socket,
      supportedVersions: ['1.0.0'],
    })),
    NotifyRegistrationStatus: answer(async (request: { pluginRegistered: boolean; error: string }) => {
      process.stderr.write(request.pluginRegistered ? 'registered\n' : `not registered: ${request.error}\n`)
      return {}
    }),
  }
}

function answer<Request>(handle: (request: Request) => Promise<object>): handleUnaryCall<Request, object> {
  return ({ request }, callback) => {
    handle(request).then(
      (response) => callback(null, response),
      (error: Error) => {
        const code = error instanceof CsiError ? error.code : status.INTERNAL
        if (code === status.INTERNAL) process.stderr.write(`${error.stack}\n`)
        callback({ code, message: error.message })
      },
    )
  }
}

/** Requests of the same name one after the other, since the second asks for what the first is making. */
function turns(): (name: string, work: () => Promise<object>) => Promise<object> {
  const last = new Map<string, Promise<unknown>>()
  return (name, work) => {
    const mine = (last.get(name) ?? Promise.resolve()).then(work, work)
    last.set(name, mine)
    return mine
  }
}

async function serve(
  socket: string,
  protocol: string,
  services: Record<string, UntypedServiceImplementation>,
): Promise<void> {
  const file = fileURLToPath(new URL(`protocol/${protocol}`, import.meta.url))
  const root = loadPackageDefinition(loadSync(file, { longs: Number, enums: String, defaults: true, oneofs: true }))
  const server = new Server()
  for (const [path, implementation] of Object.entries(services)) {
    let found: GrpcObject[string] | undefined = root
    for (const part of path.split('.')) found = (found as GrpcObject)[part]
    server.addService((found as ServiceClientConstructor).service, implementation)
  }
  await mkdir(dirname(socket), { recursive: true })
  await rm(socket, { force: true })
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) =>
      error === null ? resolve() : reject(error),
    )
  })
}
