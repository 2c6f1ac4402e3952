// The quiesce recipe for MongoDB on a real mongod with its real shell, under writes, around a snapshot of a real CSI driver.
import assert from 'node:assert/strict'
import { after, suite, test } from 'node:test'
import { quiesceHooks } from '#hooks/quiesce.ts'
import { bringBack } from '../cluster/restore-order.ts'
import { findingsOf } from '../support/backup-results.ts'
import { backUp } from '../support/backup-run.ts'
import { testNamespace } from '../support/cluster.ts'
import { claim } from '../support/csi/claims.ts'
import { mongoParts } from '../support/mongo.ts'
import { inPod, nodeSandbox, podReaches } from '../support/node-sandbox.ts'
import { make, Namespaces, Pods } from '../support/objects.ts'
import { eventually } from '../support/server.ts'
import { ownStore } from './disk-shop.ts'

const server = [
  'exec mongod --auth --dbpath /data --bind_ip 127.0.0.1 --nounixsocket --wiredTigerCacheSizeGB 0.25',
  `--wiredTigerEngineConfigString 'log=(file_max=1MB,prealloc=false)' --setParameter diagnosticDataCollectionEnabled=false`,
].join(' ')
const env = { MONGO_INITDB_ROOT_USERNAME: 'root', MONGO_INITDB_ROOT_PASSWORD: 'se cret' }
const login = `-u root -p '${env.MONGO_INITDB_ROOT_PASSWORD}' --authenticationDatabase admin shop`
const writer = 'for (let n = 0; ; n += 1) { db.records.insertOne({ _id: n, at: new Date() }); sleep(5) }'
/** Between which two records the writer waited longest, and how long. */
const longestGap = `
  const all = db.records.find().sort({ _id: 1 }).toArray()
  const gaps = all.slice(1).map((one, n) => ({ after: n, millis: one.at - all[n].at }))
  print(EJSON.stringify(gaps.reduce((a, b) => (b.millis > a.millis ? b : a))))`

suite('a MongoDB on a node that asks to be quiesced', async () => {
  const cluster = await nodeSandbox()
  const { kube, storage } = cluster
  const parts = await mongoParts()
  const annotations = { 'lifeboat.dev/quiesce': 'mongodb' }
  const container = {
    name: 'main',
    image: 'busybox:1.36',
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', server],
    env: Object.entries({ ...env, PATH: parts.path, HOME: '/tmp' }).map(([name, value]) => ({ name, value })),
    volumeMounts: [...parts.mounts, { name: 'data', mountPath: '/data' }],
  }
  const volumes = [...parts.volumes, { name: 'data', persistentVolumeClaim: { claimName: 'data' } }]
  const spec = { terminationGracePeriodSeconds: 0, containers: [container], volumes }
  const hooks = quiesceHooks({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'db', annotations }, spec })
  const scriptOf = (phase: 'pre' | 'post'): string => hooks[phase][0]?.command[2] ?? assert.fail(phase)

  const inDb = (home: string, script: string): Promise<string> =>
    inPod(cluster, { namespace: home, name: 'db' }, ['sh', '-c', script])
  const ask = async (home: string, script: string): Promise<string> =>
    (await inDb(home, `mongosh --quiet ${login} --eval '${script}'`)).trim()
  const countIn = async (home: string): Promise<number> => Number(await ask(home, 'print(db.records.countDocuments())'))
  const answers = async (home: string): Promise<void> => {
    await podReaches(kube, { namespace: home, name: 'db', phase: 'Running' })
    await inDb(home, 'until mongosh --quiet --eval 1 >/dev/null 2>&1; do sleep 1; done')
  }

  const space = await testNamespace(kube)
  after(() => space[Symbol.asyncDispose]())
  const namespace = space.name
  const isLocked = async (): Promise<boolean> =>
    (await ask(namespace, 'print(db.adminCommand({ currentOp: 1 }).fsyncLock === true)')) === 'true'
  await claim(kube, { namespace, name: 'data' })
  await make(kube, Pods, { namespace, name: 'db', metadata: { annotations }, spec })
  await answers(namespace)
  const user = { user: 'root', pwd: env.MONGO_INITDB_ROOT_PASSWORD, roles: ['root'] }
  await inDb(namespace, `mongosh --quiet --eval 'db.getSiblingDB("admin").createUser(${JSON.stringify(user)})'`)

  test('is locked until its snapshot is taken, goes on afterwards, and comes back with what was in it when it was locked', async () => {
    await inDb(namespace, `mongosh ${login} --eval '${writer}' >/dev/null 2>&1 </dev/null &`)
    await eventually(async () => (await countIn(namespace)) > 20 || undefined, 60)
    await using slow = await storage.fault(await storage.handleOf({ namespace, name: 'data' }), { takesMs: 5000 })
    await using place = await ownStore()
    const { store } = place
    const backup = await backUp({ kube, store, spec: { includedNamespaces: [namespace] } })
    assert.equal(backup.status?.phase, 'Completed', JSON.stringify(await findingsOf(store)))
    assert.deepEqual(backup.status?.hookStatus, { hooksAttempted: 2 })
    assert.equal(backup.status?.csiVolumeSnapshotsCompleted, 1)
    assert.equal(await isLocked(), false)
    const count = await countIn(namespace)
    await eventually(async () => (await countIn(namespace)) > count || undefined)
    const gap = JSON.parse(await ask(namespace, longestGap)) as { after: number; millis: number }
    assert.ok(gap.millis >= 5000, 'nothing was written while the snapshot was taken')

    const copy = `${namespace}-copy`
    const mapped = { namespaceMapping: { [namespace]: copy } }
    const { restore, results } = await bringBack({ kube, store, name: copy, spec: mapped })
    assert.equal(restore.status?.phase, 'Completed', JSON.stringify(results))
    await answers(copy)
    // The writer had made the record with this number when the lock was there, and waited with it.
    assert.equal(await countIn(copy), gap.after)
    await kube.delete(Namespaces, copy)
    assert.ok(slow)
  })

  test('has no lock left after a thaw, though a server has died before an earlier one, nor when nobody thaws it', async () => {
    for (const phase of ['pre', 'pre'] as const) await inDb(namespace, scriptOf(phase))
    assert.equal(await isLocked(), true)
    await inDb(namespace, scriptOf('post'))
    assert.equal(await isLocked(), false)
    await inDb(namespace, scriptOf('pre').replace('sleep 300', 'sleep 15'))
    await eventually(async () => !(await isLocked()) || undefined, 90)
  })

  test('that refuses the lock is an error of the backup, which has its data all the same', async () => {
    await ask(namespace, 'db.getSiblingDB("admin").updateUser("root", { roles: ["readWriteAnyDatabase"] })')
    await using place = await ownStore()
    const { store } = place
    const backup = await backUp({ kube, store, spec: { includedNamespaces: [namespace] } })
    assert.equal(backup.status?.phase, 'PartiallyFailed')
    assert.deepEqual(backup.status?.hookStatus, { hooksAttempted: 2, hooksFailed: 2 })
    assert.equal(backup.status?.csiVolumeSnapshotsCompleted, 1)
  })
})
