// Files of backups through the API server's proxy of services, for who reaches neither the bucket nor the server: links lead to a port where nobody
// listens. The server runs here, at the address by which pods reach this machine, in the name of a pod: the API server passes on to pods only.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { constants, mkdir, open, readFile, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { after, before, suite, test } from 'node:test'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { Backups } from '#api/backup.ts'
import { downloadPathAnnotation, DownloadRequests } from '#api/download-request.ts'
import { Restores } from '#api/restore.ts'
import { serviceFor } from '#install/installation.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject } from '#kube/object.ts'
import { fileStore } from '#store/file.ts'
import { backupKey, restoreKey } from '#store/layout.ts'
import { openStore } from '#store/open.ts'
import { cli, scratchFolder, startCli, type CliResult } from '../support/cli.ts'
import { testNamespace } from '../support/cluster.ts'
import { changedKubeconfig } from '../support/kubeconfig.ts'
import { nodeSandbox } from '../support/node-sandbox.ts'
import { ConfigMaps, make, Pods, RoleBindings, Roles, Secrets, ServiceAccounts, Services } from '../support/objects.ts'
import { s3Server } from '../support/s3-server.ts'
import {
  askForBackup,
  askForRestore,
  ended,
  eventually,
  installKinds,
  makeLocation,
  startServer,
} from '../support/server.ts'
import { fencedBlocks } from '../support/shell-commands.ts'
import { putStoredBackup } from '../support/stored-backup.ts'

const Endpoints = { ...Services, plural: 'endpoints', kind: 'Endpoints' }
const NOWHERE = 'http://127.0.0.1:1'
const MIB = 1024 ** 2
const BIG = 384 * MIB

interface Rule {
  resources: string[]
}

/** What docs/install.md says that a client needs. */
async function documentedRules(): Promise<Rule[]> {
  const text = await readFile(new URL('../../docs/install.md', import.meta.url), 'utf8')
  const block = fencedBlocks(text).find(({ info, text }) => info[0] === 'yaml' && text.includes('services/proxy'))
  return (parse(block?.text ?? '') as { rules: Rule[] }).rules
}

suite('files of backups through the API server', async () => {
  const cluster = await nodeSandbox()
  const { kube, node } = cluster
  // A server ends at once where its kinds are not known.
  await installKinds(kube)
  const scope = new AsyncDisposableStack()
  const { path: folder } = scope.use(await scratchFolder())
  const namespace = scope.use(await testNamespace(kube)).name
  const s3 = scope.use(await s3Server('versitygw'))
  const bucket = await openStore(s3.url.replace('/prefix?', `/${namespace}?`), { env: s3.env })
  const directory = fileStore(join(folder, 'store'))
  const settings = {
    kubeconfigPath: cluster.kubeconfigPath,
    args: ['--metrics-address', `${node.gateway}:0`, '--public-url', NOWHERE],
  }
  const server = scope.use(startServer({ ...settings, namespace }))
  let user = ''
  after(() => scope.disposeAsync())

  const run = (kubeconfig: string, ...args: string[]): Promise<CliResult> =>
    cli([...args, '--namespace', namespace], { env: { KUBECONFIG: kubeconfig, HOME: folder }, cwd: folder })

  /** A kubeconfig of somebody who may do what `rules` say in the namespace, and nothing else. */
  async function somebody(name: string, rules: readonly Rule[]): Promise<string> {
    await make(kube, ServiceAccounts, { name, namespace })
    await make(kube, Roles, { name, namespace, rules })
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name }
    await make(kube, RoleBindings, {
      name,
      namespace,
      roleRef,
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    })
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', metadata: { name }, spec: {} }
    const made = await kube.create(ServiceAccounts, request, { namespace, subresource: 'token' })
    const { token } = made['status'] as { token: string }
    return await changedKubeconfig(cluster.kubeconfigPath, folder, (config) => (config.users[0].user = { token }))
  }

  /** The Service leads to the pods named here, at `port` of the address by which they reach this machine. */
  async function leadTo(port: number, pods = ['server']): Promise<void> {
    const addresses = pods.map((name) => ({ ip: node.gateway, targetRef: { kind: 'Pod', name, namespace } }))
    const subsets = pods.length === 0 ? [] : [{ addresses, ports: [{ name: 'http', port }] }]
    const endpoints = { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'lifeboat' }, subsets }
    await kube.apply(Endpoints, endpoints, { namespace, fieldManager: 'test', force: true })
  }

  const serverPort = async (): Promise<number> => Number(new URL(await server.url()).port)

  before(async () => {
    await make(kube, ConfigMaps, { name: 'prices', namespace, data: { apple: '1' } })
    await putStoredBackup(bucket, 'big')
    const chunk = Buffer.alloc(MIB, 'lifeboat')
    await bucket.put(
      backupKey('big', 'contents'),
      (async function* () {
        for (let sent = 0; sent < BIG; sent += MIB) yield chunk
      })(),
    )
    const cloud = `[default]\naws_access_key_id=${s3.env.AWS_ACCESS_KEY_ID}\naws_secret_access_key=${s3.env.AWS_SECRET_ACCESS_KEY}\n`
    await make(kube, Secrets, { namespace, name: 'keys', stringData: { cloud } })
    const config = { region: s3.region, s3Url: s3.endpoint, s3ForcePathStyle: 'true', publicUrl: NOWHERE }
    const objectStorage = { bucket: s3.bucket, prefix: namespace }
    const spec = { provider: 'aws', objectStorage, config, credential: { name: 'keys', key: 'cloud' }, default: true }
    await makeLocation(kube, namespace, { path: '', spec })
    await makeLocation(kube, namespace, { name: 'directory', path: join(folder, 'store') })
    const scopeOfBackups = { includedNamespaces: [namespace], includedResources: ['configmaps'] }
    await askForBackup(kube, namespace, { name: 'monday', spec: scopeOfBackups })
    await askForBackup(kube, namespace, {
      name: 'tuesday',
      spec: { ...scopeOfBackups, storageLocation: 'directory' },
    })
    for (const name of ['monday', 'tuesday'])
      assert.equal((await ended(kube, Backups, { name, namespace, seconds: 120 })).status?.phase, 'Completed')
    await askForRestore(kube, namespace, { name: 'back', spec: { backupName: 'monday' } })
    await ended(kube, Restores, { name: 'back', namespace, seconds: 120 })
    // Nobody runs it: its status says where the server is.
    const containers = [{ name: 'lifeboat', image: 'busybox:1.36' }]
    await make(kube, Pods, { name: 'server', namespace, spec: { schedulerName: 'nobody', containers } })
    const status = { phase: 'Running', podIP: node.gateway, podIPs: [{ ip: node.gateway }] }
    await kube.patch(Pods, 'server', { merge: { status } }, { namespace, subresource: 'status' })
    const { object } = serviceFor(namespace, {})
    const { ports } = object['spec'] as { ports: object[] }
    await kube.create(Services, { ...object, spec: { ports } } as KubeObject, { namespace })
    await leadTo(await serverPort())
    user = await somebody('user', await documentedRules())
  })

  test('who has the documented rights gets logs, descriptions, contents and archives of buckets and directories, without reaching either', async () => {
    const stored = async (store: typeof bucket, key: string): Promise<Buffer> =>
      Buffer.concat(await Array.fromAsync(await store.get(key)))
    const said = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await run(user, ...args)
      assert.equal(code, 0, `${args.join(' ')}: ${stderr}`)
      assert.equal(stderr, '', args.join(' '))
      return stdout
    }
    for (const [backup, store] of [
      ['monday', bucket],
      ['tuesday', directory],
    ] as const) {
      assert.match(await said('backup', 'logs', backup), /level=info/)
      await said('backup', 'download', backup)
      const archive = await readFile(join(folder, `${backup}-data.tar.gz`))
      assert.ok(archive.equals(await stored(store, backupKey(backup, 'contents'))))
    }
    assert.match(await said('backup', 'describe', 'monday', '--details'), /^ {2}v1\/ConfigMap:$/m)
    const contents = JSON.parse(await said('backup', 'contents', 'monday', '-o', 'json')) as { objects: object[] }
    assert.ok(contents.objects.some((object) => JSON.stringify(object).includes('"prices"')))
    assert.match(await said('restore', 'describe', 'back', '--details'), /prices/)
    assert.ok((await stored(bucket, restoreKey('back', 'logs'))).length > 0)
    assert.match(await said('restore', 'logs', 'back'), /level=info/)
    const rehearsal = await run(cluster.kubeconfigPath, 'restore', 'create', '--from-backup', 'monday', '--dry-run')
    assert.match(rehearsal.stdout, /The restore would be Completed/, rehearsal.stderr)

    const direct = await run(user, 'backup', 'logs', 'monday', '--download-via', 'link')
    assert.equal(direct.code, 1)
    assert.match(direct.stderr, /cannot reach 127\.0\.0\.1:1, which the server named/)
    await mkdir(join(folder, '.config/velero'), { recursive: true })
    const configuration = join(folder, '.config/velero/config.json')
    await writeFile(configuration, '{"download-via":"link"}')
    assert.match((await run(user, 'backup', 'logs', 'monday')).stderr, /cannot reach 127\.0\.0\.1:1/)
    assert.match(await said('backup', 'logs', 'monday', '--download-via', 'api-server'), /level=info/)
    await writeFile(configuration, '{}')
  })

  test('whatever is in the way is named with what to do, and beside it why the link is no way either', async () => {
    const refused = async (kubeconfig: string, via: string): Promise<string> => {
      const { code, stdout, stderr } = await run(kubeconfig, 'backup', 'logs', 'monday', '--download-via', via)
      assert.equal(code, 1, stdout)
      return stderr
    }
    const rules = (await documentedRules()).filter(({ resources }) => !resources.includes('services/proxy'))
    const limited = await somebody('limited', rules)
    assert.match(
      await refused(limited, 'api-server'),
      /through the API server: cannot get services\/proxy .*lifeboat:http: .*forbidden.*ask the cluster's administrator for the verb "get" on services\/proxy/,
    )
    assert.match(
      await refused(limited, 'auto'),
      /by either way\. Through the API server: .*forbidden.*\. By the link: cannot reach 127\.0\.0\.1:1/,
    )
    await leadTo(1)
    assert.match(await refused(user, 'api-server'), /error trying to reach service.*its port 8085\?/)
    const mute = createServer().listen(0, node.gateway)
    await once(mute, 'listening')
    await leadTo((mute.address() as AddressInfo).port)
    assert.match(await refused(user, 'auto'), /Through the API server: nothing came for 10 s; may .*\. By the link: /)
    mute.close()
    await leadTo(0, [])
    assert.match(await refused(user, 'api-server'), /no endpoints available.*is a pod of the server ready/)
    // A replica with another secret, as one whose Role does not let it read the Secret.
    const secret = Buffer.alloc(32).toString('base64')
    await kube.patch(Secrets, 'lifeboat-links', { merge: { data: { secret } } }, { namespace })
    await using other = startServer({ ...settings, namespace })
    await leadTo(Number(new URL(await other.url()).port))
    assert.match(await refused(user, 'api-server'), /not valid, or not any more: it has expired, or the replica/)
    await kube.delete(Services, 'lifeboat', { namespace })
    await kube.delete(Endpoints, 'lifeboat', { namespace })
    assert.match(await refused(user, 'api-server'), /there is no Service lifeboat in namespace .*`lifeboat install`/)
    await leadTo(await serverPort())
  })

  test('a path is good for one file, and for nothing once anything in it is changed', async () => {
    const spec = { target: { kind: 'BackupLog', name: 'monday' } } as const
    const request = { apiVersion: 'velero.io/v1', kind: 'DownloadRequest', metadata: { name: 'by-hand' }, spec }
    await kube.create(DownloadRequests, request, { namespace })
    const path = await eventually(async () => {
      const { metadata } = await kube.get(DownloadRequests, 'by-hand', { namespace })
      return metadata.annotations?.[downloadPathAnnotation]
    })
    const at = { namespace, service: 'lifeboat', port: 'http' }
    assert.ok((await Array.fromAsync(await kube.throughService(path, at))).length > 0)
    const refusal = (wrong: string): Promise<void> =>
      assert.rejects(kube.throughService(wrong, at), (error) => {
        assert.ok(error instanceof KubeError)
        assert.equal(error.reason, 'LinkRefused')
        return true
      })
    await refusal(path.replace('monday', 'big'))
    await refusal(path.replace(/expires=\d/, 'expires=9'))
    await refusal('/download')
  })

  test('archives stream, in no memory but that of a few chunks; Ctrl-C and a server that dies end the command at once', async () => {
    const pipe = join(folder, 'pipe')
    await promisify(execFile)('mkfifo', [pipe])
    const archive = ['backup', 'download', 'big', '--namespace', namespace, '--output', pipe, '--force']
    /** Runs a download into a pipe, and does something once `bytes` have come out of it. */
    const piped = async (bytes: number, act: (cli: number) => Promise<void>): Promise<CliResult & { got: number }> => {
      const running = startCli(archive, { env: { KUBECONFIG: user, HOME: folder } })
      // A command that ends before it has opened the pipe must not leave its reader waiting.
      void running.ended.then(async () => {
        const opened = await open(pipe, constants.O_WRONLY | constants.O_NONBLOCK).catch(() => undefined)
        await opened?.close()
      })
      let got = 0
      let acted = false
      for await (const chunk of createReadStream(pipe) as AsyncIterable<Buffer>) {
        got += chunk.byteLength
        if (acted || got < bytes) continue
        acted = true
        await act(running.child.pid ?? 0)
      }
      return { ...(await running.ended), got }
    }
    const serverId = server.child.pid ?? 0
    const before = await peakMemory(serverId)
    let peaks: number[] = []
    const whole = await piped(BIG - MIB, async (client) => {
      peaks = [(await peakMemory(serverId)) - before, await peakMemory(client)]
    })
    assert.equal(whole.code, 0, whole.stderr)
    assert.equal(whole.got, BIG)
    assert.ok(Math.max(...peaks) < BIG, `${peaks.join(', ')} bytes`)

    const interrupted = await piped(MIB, async (client) => void process.kill(client, 'SIGINT'))
    assert.equal(interrupted.code, 130, interrupted.stderr)
    const orphaned = await piped(MIB, async () => void (await server.end('SIGKILL')))
    assert.equal(orphaned.code, 1)
    assert.ok(orphaned.got < BIG)
    assert.match(orphaned.stderr, /^error: cannot get services\/proxy .*the connection failed/)
  })
})

/** The most memory that a process ever had, in bytes. */
async function peakMemory(id: number): Promise<number> {
  const status = await readFile(`/proc/${id}/status`, 'utf8')
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
}
