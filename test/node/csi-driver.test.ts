import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { suite, test } from 'node:test'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ensureAsset } from '#sandbox/assets.ts'
import { testNamespace } from '../support/cluster.ts'
import { claim, snapshot, snapshotStatus } from '../support/csi/claims.ts'
import {
  csi,
  poolTools,
  startDriver,
  VolumeGroupSnapshots,
  VolumeSnapshots,
  type GroupSnapshot,
} from '../support/csi/storage.ts'
import { make } from '../support/objects.ts'
import { inPod, nodeSandbox, startPod } from '../support/node-sandbox.ts'
import { eventually } from '../support/server.ts'

const run = promisify(execFile)

suite('volumes and snapshots on the node of a sandbox', async () => {
  const cluster = await nodeSandbox()
  const { kube, node, storage, stateDir } = cluster

  test('a claim made from a snapshot holds the bytes of the moment of the snapshot', async () => {
    await using namespace = await testNamespace(kube)
    const inNamespace = { namespace: namespace.name }
    await claim(kube, { ...inNamespace, name: 'data' })
    const writer = { ...inNamespace, name: 'writer' }
    await startPod(kube, { ...writer, claims: { '/data': 'data' } })
    await inPod(cluster, writer, ['sh', '-c', 'echo before > /data/file; mkdir /data/folder'])
    await snapshot(kube, { ...inNamespace, name: 'one', claim: 'data' })
    const handle = await eventually(
      async () => (await snapshotStatus(kube, { ...inNamespace, name: 'one' })).handle,
      60,
    )
    await inPod(cluster, writer, ['sh', '-c', 'echo after > /data/file'])
    await claim(kube, { ...inNamespace, name: 'again', snapshot: 'one' })
    const reader = { ...inNamespace, name: 'reader' }
    await startPod(kube, { ...reader, claims: { '/data': 'again' } })
    assert.equal(await inPod(cluster, reader, ['cat', '/data/file']), 'before\n')
    assert.equal(await inPod(cluster, reader, ['ls', '/data']), 'file\nfolder\n')
    assert.equal(await inPod(cluster, writer, ['cat', '/data/file']), 'after\n')
    const volume = await storage.handleOf({ ...inNamespace, name: 'data' })
    assert.equal((await storage.snapshots()).find(({ id }) => id === handle)?.volume, volume)
    await kube.delete(VolumeSnapshots, 'one', inNamespace)
    await eventually(async () => (await storage.snapshots()).every(({ id }) => id !== handle) || undefined, 60)
  })

  test('a fault holds for the snapshots of one volume, until it is switched off', async () => {
    await using namespace = await testNamespace(kube)
    const inNamespace = { namespace: namespace.name }
    for (const name of ['broken', 'slow', 'sound']) await claim(kube, { ...inNamespace, name })
    const handleOf = (name: string) => storage.handleOf({ ...inNamespace, name })
    const broken = await storage.fault(await handleOf('broken'), { error: 'the disk is made of cheese' })
    const slow = await storage.fault(await handleOf('slow'), { readyAfterMs: 'never' })
    for (const name of ['broken', 'slow', 'sound']) await snapshot(kube, { ...inNamespace, name, claim: name })
    const stateOf = (name: string) => snapshotStatus(kube, { ...inNamespace, name })
    await eventually(async () => (await stateOf('sound')).ready || undefined, 60)
    await eventually(async () => (await stateOf('broken')).error?.includes('made of cheese') || undefined, 60)
    await eventually(async () => (await stateOf('slow')).created !== undefined || undefined, 60)
    assert.equal((await stateOf('slow')).ready, false)
    await broken[Symbol.asyncDispose]()
    await slow[Symbol.asyncDispose]()
    await eventually(async () => ((await stateOf('broken')).ready && (await stateOf('slow')).ready) || undefined, 120)
  })

  test('volumes chosen by label are snapshotted as a group, and go as one', async () => {
    await using namespace = await testNamespace(kube)
    const inNamespace = { namespace: namespace.name }
    for (const name of ['log', 'tables']) await claim(kube, { ...inNamespace, name, labels: { app: 'database' } })
    await claim(kube, { ...inNamespace, name: 'other' })
    const handles = await Promise.all(['log', 'tables'].map((name) => storage.handleOf({ ...inNamespace, name })))
    const source = { selector: { matchLabels: { app: 'database' } } }
    const spec = { source, volumeGroupSnapshotClassName: csi.snapshotClass }
    await make(kube, VolumeGroupSnapshots, { ...inNamespace, name: 'both', spec })
    await eventually(async () => {
      const { status } = await kube.get<GroupSnapshot>(VolumeGroupSnapshots, 'both', inNamespace)
      return status?.readyToUse || undefined
    }, 120)
    const ofThese = async () => (await storage.snapshots()).filter(({ volume }) => handles.includes(volume))
    assert.deepEqual((await ofThese()).map(({ volume }) => volume).toSorted(), handles.toSorted())
    assert.equal(new Set((await ofThese()).map(({ group }) => group)).size, 1)
    await kube.delete(VolumeGroupSnapshots, 'both', inNamespace)
    await eventually(async () => (await ofThese()).length === 0 || undefined, 120)
  })

  for (const [kind, tools] of [
    ['btrfs', await poolTools()],
    ['copies', '/nowhere'],
  ] as const) {
    test(`csi-sanity finds nothing wrong with the driver on ${kind}`, async () => {
      const sanity = await ensureAsset('csi-sanity', { env: process.env })
      const folder = `/var/lib/kubelet/plugins/sanity-${kind}`
      const config = {
        name: `${kind}.lifeboat.dev`,
        nodeName: node.name,
        directory: join(stateDir, `csi-${kind}`),
        tools,
        socket: `${folder}/csi.sock`,
        // Not where the kubelet looks.
        registrationSocket: `${folder}/registration.sock`,
      }
      const driver = await startDriver(config, { node, stateDir })
      try {
        await eventually(async () => (await readFile(driver.logPath, 'utf8')).includes(`from ${kind}`) || undefined, 60)
        const [file = '', ...args] = node.inside([
          sanity,
          `--csi.endpoint=unix://${config.socket}`,
          `--csi.mountdir=${folder}/target`,
          `--csi.stagingdir=${folder}/staging`,
          '--ginkgo.no-color',
        ])
        const { stdout } = await run(file, args).catch((error: { stdout?: string }) => {
          throw new Error(`csi-sanity: ${error.stdout?.slice(-5000)}`, { cause: error })
        })
        const [, ran] = /Ran (\d+) of \d+ Specs/.exec(stdout) ?? []
        assert.ok(Number(ran) > 40, stdout.slice(-2000))
      } finally {
        await driver.kill()
      }
    })
  }
})
