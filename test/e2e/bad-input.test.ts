import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, suite, test } from 'node:test'
import { promisify } from 'node:util'
import { gzipSync } from 'node:zlib'
import { pack } from 'tar-stream'
import { createAuthority, createClientCertificate } from '#sandbox/certificate.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { cli, scratchFolder, type CliResult } from '../support/cli.ts'
import { changedKubeconfig, type PlainKubeConfig } from '../support/kubeconfig.ts'
import { s3Server } from '../support/s3-server.ts'

const run = promisify(execFile)
const { kube, kubeconfigPath } = await sharedCluster()
const namespace = await testNamespace(kube)
const store = await scratchFolder()
const kubeconfig = { KUBECONFIG: kubeconfigPath }
after(async () => {
  await namespace[Symbol.asyncDispose]()
  await store[Symbol.asyncDispose]()
  await kube.close()
})

/** Runs a command that must fail: not with a bug's stack, and with a message that matches. */
async function refused(
  args: readonly string[],
  message: RegExp,
  env: Readonly<Record<string, string>> = kubeconfig,
): Promise<CliResult> {
  const result = await cli(args, { env })
  assert.match(result.stderr, message)
  assert.notEqual(result.code, 0)
  assert.doesNotMatch(result.stderr, /bug in Lifeboat|\n {4}at /)
  return result
}

const create = (url: string, ...more: string[]): string[] => [
  '--store',
  url,
  'backup',
  'create',
  'b1',
  '--include-namespaces',
  namespace.name,
  ...more,
]

/** What lies in a folder, at any depth; empty when the folder itself is missing. */
async function contents(folder: string): Promise<string[]> {
  return await readdir(folder, { recursive: true }).catch(() => [])
}

/** The environment for a kubeconfig like the shared one, changed by `change`. */
async function withKubeconfig(change: (config: PlainKubeConfig) => void): Promise<Record<string, string>> {
  return { KUBECONFIG: await changedKubeconfig(kubeconfigPath, store.path, change) }
}

suite('a backup is refused with a clear message, and nothing is left in the store,', () => {
  const empty = async (name: string): Promise<string> => {
    const path = join(store.path, name)
    await mkdir(path)
    return path
  }

  test('without a kubeconfig', async () => {
    const path = await empty('no-kubeconfig')
    await refused(create(path), /no kubeconfig found: looked for .*\.kube\/config/, {})
    assert.deepEqual(await contents(path), [])
  })

  test('when the cluster cannot be reached', async () => {
    const path = await empty('unreachable')
    const env = await withKubeconfig((config) => (config.clusters[0].cluster['server'] = 'https://127.0.0.1:1'))
    await refused(create(path), /cannot reach https:\/\/127\.0\.0\.1:1/, env)
    assert.deepEqual(await contents(path), [])
  })

  test('with an expired client certificate', async () => {
    const path = await empty('expired')
    const lastYear = { notBefore: new Date('2024-01-01'), notAfter: new Date('2025-01-01') }
    const authority = await createAuthority('elsewhere', lastYear)
    const client = await createClientCertificate(authority, { user: 'ann', validity: lastYear })
    const base64 = (text: string): string => Buffer.from(text).toString('base64')
    const env = await withKubeconfig((config) => {
      config.users[0].user = { 'client-certificate-data': base64(client.cert), 'client-key-data': base64(client.key) }
    })
    await refused(create(path), /certificate.*expired.*2025/s, env)
    assert.deepEqual(await contents(path), [])
  })

  test('without permission to list: every refused type is named, with the verb', async () => {
    const path = await empty('forbidden')
    const token = await tokenOfNobody()
    const env = await withKubeconfig((config) => (config.users[0].user = { token }))
    const { stderr } = await refused(create(path), /no permission to list \d+ types: /, env)
    assert.match(stderr, /configmaps/)
    assert.match(stderr, /deployments\.apps/)
    assert.match(stderr, /verb "list"/)
    assert.deepEqual(await contents(path), [])
  })

  test('of a namespace that does not exist', async () => {
    const path = await empty('namespace')
    await refused(
      ['--store', path, 'backup', 'create', 'b1', '--include-namespaces', 'no-such-place'],
      /there is no namespace "no-such-place"/,
    )
    assert.deepEqual(await contents(path), [])
  })

  test('into a folder whose parent does not exist', async () => {
    const path = join(store.path, 'not', 'here')
    await refused(create(path), /there is no directory .*: create it, or check the path/)
    assert.deepEqual(await contents(path), [])
  })

  test('into a read-only file system', async () => {
    await using disk = await mountedFolder(await empty('read-only'), 'ro')
    await refused(create(disk.path), /cannot write|read-only|may not be written/i)
    assert.deepEqual(await contents(disk.path), [])
  })

  test('into a file system that gets full half-way', async () => {
    await using disk = await mountedFolder(await empty('full'), 'size=16k')
    await refused(create(disk.path), /full|no space/i)
    assert.deepEqual(
      (await contents(disk.path)).filter((path) => path.includes('b1.') || path.endsWith('.json')),
      [],
    )
  })

  test('under a name that Kubernetes would refuse', async () => {
    const path = await empty('name')
    for (const name of ['Monday', 'a/b', '../up', '-x-', 'a'.repeat(254)]) {
      await refused(['--store', path, 'backup', 'create', '--', name], /name/)
    }
    assert.deepEqual(await contents(path), [])
  })

  test('under a name that is taken, and the first backup stays as it was', async () => {
    const path = await empty('taken')
    assert.equal((await cli(create(path), { env: kubeconfig })).code, 0)
    const before = await contents(path)
    await refused(create(path), /b1.*(already exists|taken)/)
    assert.deepEqual(await contents(path), before)
  })

  test('with filters that contradict each other', async () => {
    const path = await empty('filters')
    await refused(
      create(path, '--include-resources', 'pods', '--include-cluster-scoped-resources', 'nodes'),
      /include-resources|old|new|cannot be used together/i,
    )
    await refused(create(path, '--exclude-namespaces', namespace.name), new RegExp(namespace.name))
    await refused(create(path, '--selector', 'a=b', '--or-selector', 'c=d'), /selector/)
    await refused(create(path, '--selector', 'a!=b'), /!=/)
    assert.deepEqual(await contents(path), [])
  })
})

suite('an S3 store that cannot be used is named, with what to do:', async () => {
  const server = await s3Server('versitygw')
  after(() => server[Symbol.asyncDispose]())
  const query = `endpoint=${encodeURIComponent(server.endpoint)}&region=${server.region}`

  test('a bucket that does not exist', async () => {
    await refused(create(`s3://no-such-bucket/backups?${query}`), /no-such-bucket/, { ...kubeconfig, ...server.env })
  })

  test('a wrong key', async () => {
    const env = { ...kubeconfig, ...server.env, AWS_ACCESS_KEY_ID: 'wrong' }
    await refused(create(`s3://${server.bucket}/backups?${query}`), /denied|access key|credentials/i, env)
  })

  test('a server that does not answer', async () => {
    await refused(
      create(`s3://${server.bucket}/backups?endpoint=http%3A%2F%2F127.0.0.1%3A1&region=x`),
      /127\.0\.0\.1:1/,
      { ...kubeconfig, ...server.env },
    )
  })
})

suite('a restore is refused with a clear message, and nothing is made in the cluster,', () => {
  const source = join(store.path, 'damaged')
  const restore = (): string[] => [
    '--store',
    source,
    'restore',
    'create',
    'r1',
    '--from-backup',
    'b1',
    '--namespace-mappings',
    `${namespace.name}:${namespace.name}-r`,
  ]
  const archive = join(source, 'backups', 'b1', 'b1.tar.gz')

  test('when the backup does not exist; those that exist are named', async () => {
    await mkdir(source)
    assert.equal((await cli(create(source), { env: kubeconfig })).code, 0)
    await refused(['--store', source, 'restore', 'create', '--from-backup', 'b2'], /no backup "b2".*there are: b1/)
  })

  test('when its archive is cut short or changed', async () => {
    const whole = await readFile(archive)
    for (const damaged of [whole.subarray(0, whole.length / 2), Buffer.from('this is no archive'), flipped(whole)]) {
      await replace(archive, damaged)
      await refused(restore(), /b1.*(ends too early|damaged|corrupt|gzip)/s)
    }
    await replace(archive, whole)
    await nothingRestored()
  })

  for (const [what, header] of Object.entries({
    'climbs out of the folder': { name: '../../etc/passwd' },
    'has an absolute path': { name: '/etc/passwd' },
    'is a symbolic link': {
      name: 'resources/pods/namespaces/x/y.json',
      type: 'symlink' as const,
      linkname: '/etc/passwd',
    },
    'is a hard link': { name: 'resources/pods/namespaces/x/y.json', type: 'link' as const, linkname: '/etc/passwd' },
  })) {
    test(`when an entry of its archive ${what}`, async () => {
      const whole = await readFile(archive)
      await replace(archive, await tarball(header))
      await refused(restore(), /passwd|y\.json/)
      await replace(archive, whole)
      await nothingRestored()
    })
  }

  test('when nothing says what to restore', async () => {
    const { code } = await refused(['--store', source, 'restore', 'create'], /--from-backup NAME/)
    assert.equal(code, 2)
  })

  async function nothingRestored(): Promise<void> {
    const type = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false }
    assert.equal(await kube.find(type, `${namespace.name}-r`), undefined)
    assert.deepEqual(await contents(join(source, 'restores')), [])
  }
})

function flipped(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes)
  copy[copy.length >> 1]! ^= 0xff
  return copy
}

async function replace(path: string, bytes: Uint8Array): Promise<void> {
  await chmod(path, 0o600)
  await writeFile(path, bytes)
}

async function tarball(header: Parameters<ReturnType<typeof pack>['entry']>[0]): Promise<Buffer> {
  const tar = pack()
  tar.entry({ name: 'metadata/version' }, '1.1.0\n')
  tar.entry(header, header.type === undefined ? 'x' : '')
  tar.finalize()
  return gzipSync(Buffer.concat((await Array.fromAsync(tar)) as Buffer[]))
}

async function tokenOfNobody(): Promise<string> {
  const accounts = { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true }
  const request = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    metadata: { name: 'default' },
    spec: {},
  }
  const tokens = { ...accounts, plural: 'serviceaccounts/default/token' }
  const made = await kube.create(tokens, request, { namespace: namespace.name })
  return (made as { status?: { token?: string } }).status?.token ?? ''
}

/** A small file system of its own in `path`, mounted with `options`; needs root, as CI has. */
async function mountedFolder(path: string, options: string): Promise<AsyncDisposable & { path: string }> {
  await run('mount', ['-t', 'tmpfs', '-o', options, 'lifeboat-test', path])
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      await run('umount', [path])
    },
  }
}
