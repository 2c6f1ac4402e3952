import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as sdk from '@aws-sdk/client-ec2'
import { freePorts } from '#sandbox/free-port.ts'
import { lastWords, startProgram } from '#sandbox/program.ts'
import { pythonWith } from './python.ts'

/** The region of the tests. */
export const region = 'eu-west-1'

/** EC2 as moto plays it on 127.0.0.1: its volumes and snapshots last as long as it does. It ends when disposed, or with this process. */
export interface Ec2Server extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  readonly endpoint: string
  readonly client: sdk.EC2Client
  /** Makes a volume and gives its id. */
  makeVolume(input?: Partial<sdk.CreateVolumeCommandInput>): Promise<string>
  snapshots(): Promise<sdk.Snapshot[]>
  /** The same in another region; its client is closed with this one. */
  inRegion(region: string): Ec2Region
  volume(id: string): Promise<sdk.Volume | undefined>
  /** Ids of the volumes made from a snapshot. */
  volumesOf(snapshotId: string): Promise<string[]>
}

/** What one region holds. */
export type Ec2Region = Pick<Ec2Server, 'makeVolume' | 'snapshots' | 'volume' | 'volumesOf'>

/** Keys for it; moto takes any. */
export const ec2Env = { AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'secret' }

/** Starts moto, got once through pip into the cache. */
export async function ec2Server(): Promise<Ec2Server> {
  const python = join(await pythonWith('moto'), 'bin', 'python')
  const home = await mkdtemp(join(tmpdir(), 'lifeboat-moto-'))
  const [port] = (await freePorts(1)) as [number]
  const program = await startProgram({
    name: 'moto',
    path: python,
    args: ['-m', 'moto.server', '-H', '127.0.0.1', '-p', String(port)],
    logPath: join(home, 'log'),
    cwd: home,
    env: { HOME: home, PATH: process.env['PATH'] },
  })
  const endpoint = `http://127.0.0.1:${port}`
  const credentials = { accessKeyId: ec2Env.AWS_ACCESS_KEY_ID, secretAccessKey: ec2Env.AWS_SECRET_ACCESS_KEY }
  const client = new sdk.EC2Client({ region, endpoint, credentials })
  const others: sdk.EC2Client[] = []
  const inRegion = (other: string): Ec2Region => {
    const elsewhere = new sdk.EC2Client({ region: other, endpoint, credentials })
    others.push(elsewhere)
    return tools(elsewhere)
  }
  const stop = async () => {
    for (const one of [client, ...others]) one.destroy()
    await program.kill()
    await rm(home, { recursive: true, force: true, maxRetries: 3 })
  }
  let dead: string | undefined
  void program.ended.then((how) => (dead = how))
  try {
    const deadline = performance.now() + 120_000
    while (!(await answers(endpoint))) {
      if (dead !== undefined) throw new Error(await lastWords(program, dead))
      if (performance.now() > deadline) throw new Error(`moto does not answer at ${endpoint}`)
      await sleep(100)
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { endpoint, client, ...tools(client), inRegion, [Symbol.asyncDispose]: stop }
}

function tools(client: sdk.EC2Client): Ec2Region {
  return {
    async makeVolume(input = {}) {
      const order = { AvailabilityZone: `${region}a`, Size: 8, VolumeType: 'gp3', ...input } as const
      return (await client.send(new sdk.CreateVolumeCommand(order))).VolumeId ?? ''
    },
    async snapshots() {
      const { Snapshots = [] } = await client.send(new sdk.DescribeSnapshotsCommand({ OwnerIds: ['self'] }))
      return Snapshots
    },
    async volumesOf(snapshotId) {
      const { Volumes = [] } = await client.send(new sdk.DescribeVolumesCommand({}))
      return Volumes.filter(({ SnapshotId }) => SnapshotId === snapshotId).flatMap(({ VolumeId }) => VolumeId ?? [])
    },
    async volume(id) {
      const { Volumes = [] } = await client.send(new sdk.DescribeVolumesCommand({}))
      return Volumes.find(({ VolumeId }) => VolumeId === id)
    },
  }
}

async function answers(endpoint: string): Promise<boolean> {
  try {
    return (await fetch(`${endpoint}/moto-api/`)).ok
  } catch {
    return false
  }
}
