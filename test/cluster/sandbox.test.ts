import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { loadKubeConfig } from '#kube/config.ts'
import { connect } from '#kube/connect.ts'
import { KubeError } from '#kube/error.ts'
import { ensureControlPlane } from '#sandbox/assets.ts'
import { createClientCertificate, longValidity } from '#sandbox/certificate.ts'
import { SandboxError } from '#sandbox/error.ts'
import { writeKubeconfig } from '#sandbox/kubeconfig.ts'
import { identify } from '#sandbox/process-identity.ts'
import { listSandboxes, sandboxDown, sandboxStatus } from '#sandbox/sandbox-end.ts'
import { sandboxUp, type Sandbox } from '#sandbox/sandbox.ts'
import { testNamespace } from '../support/cluster.ts'
import { make, Namespaces, Secrets, ServiceAccounts } from '../support/objects.ts'

const assets = await ensureControlPlane({ env: process.env })
const owner = fileURLToPath(new URL('../support/sandbox-owner.ts', import.meta.url))

suite('sandbox', { concurrency: false }, () => {
  test('up gives an API whose controllers fill and delete namespaces; down leaves no process and no file', async () => {
    await using home = await temporaryHome()
    const began = performance.now()
    const sandbox = await sandboxUp({ name: 'one', home: home.path, assets })
    assert.ok(performance.now() - began < 15_000, 'it took 15 s or more')
    assert.equal((await stat(sandbox.kubeconfigPath)).mode & 0o777, 0o600)
    await using kube = await client(sandbox.kubeconfigPath)
    {
      await using namespace = await testNamespace(kube)
      assert.ok(await kube.find(ServiceAccounts, 'default', { namespace: namespace.name }))
      await kube.delete(Namespaces, namespace.name)
      await eventually(async () => (await kube.find(Namespaces, namespace.name)) === undefined)
    }
    const again = await sandboxUp({ name: 'one', home: home.path, assets })
    assert.deepEqual(again.pids, sandbox.pids)
    assert.equal(await sandboxDown({ name: 'one', home: home.path }), true)
    assert.deepEqual(await alive(sandbox), [])
    await assert.rejects(stat(sandbox.stateDir), { code: 'ENOENT' })
    assert.equal(await sandboxDown({ name: 'one', home: home.path }), false)
  })

  test('two live side by side, and the end of one leaves the other alone', async () => {
    await using home = await temporaryHome()
    await using one = await sandboxUp({ name: 'one', home: home.path, assets, owned: true })
    await using other = await sandboxUp({ name: 'other', home: home.path, assets, owned: true })
    assert.notEqual(one.server, other.server)
    const listed = await listSandboxes({ home: home.path })
    assert.deepEqual(
      listed.map(({ name, condition, owned }) => ({ name, condition, owned })),
      ['one', 'other'].map((name) => ({ name, condition: 'running', owned: true })),
    )
    await one[Symbol.asyncDispose]()
    assert.deepEqual(await alive(one), [])
    assert.equal((await alive(other)).length, 3)
    await using kube = await client(other.kubeconfigPath)
    assert.ok((await kube.list(Namespaces)).items.length > 0)
  })

  test('kill -9 of the owner leaves no process, and up clears what it left', async () => {
    await using home = await temporaryHome()
    const child = spawn(process.execPath, [owner, home.path], { stdio: ['ignore', 'pipe', 'inherit'] })
    const [line] = (await once(child.stdout, 'data')) as [Buffer]
    const orphans = JSON.parse(line.toString('utf8')) as Pick<Sandbox, 'pids'>
    assert.equal((await alive(orphans)).length, 3)
    const taken = sandboxUp({ name: 'owned', home: home.path, assets })
    await assert.rejects(taken, (error: SandboxError) => error.problem === 'name-taken')
    child.kill('SIGKILL')
    await once(child, 'exit')
    await eventually(async () => (await alive(orphans)).length === 0)
    assert.equal((await sandboxStatus({ name: 'owned', home: home.path }))?.condition, 'dead')
    await using sandbox = await sandboxUp({ name: 'owned', home: home.path, assets, owned: true })
    assert.equal((await alive(sandbox)).length, 3)
  })

  test('up ends what is left of a broken sandbox, but no process that merely got one of its pids', async () => {
    await using home = await temporaryHome()
    const broken = await sandboxUp({ name: 'one', home: home.path, assets })
    process.kill(broken.pids['kube-controller-manager'], 'SIGKILL')
    await eventually(async () => (await sandboxStatus({ name: 'one', home: home.path }))?.condition === 'broken')
    const bystander = spawn('sleep', ['300'])
    try {
      const statePath = join(broken.stateDir, 'state.json')
      const state = JSON.parse(await readFile(statePath, 'utf8'))
      state.programs['kube-controller-manager'].pid = bystander.pid
      await writeFile(statePath, JSON.stringify(state))
      await using fresh = await sandboxUp({ name: 'one', home: home.path, assets, owned: true })
      assert.deepEqual(await alive(broken), [])
      assert.equal((await alive(fresh)).length, 3)
      assert.equal(bystander.exitCode ?? bystander.signalCode, null)
    } finally {
      bystander.kill('SIGKILL')
    }
  })

  test('an aborted up leaves no process', async () => {
    await using home = await temporaryHome()
    const interrupt = new AbortController()
    const up = sandboxUp({
      name: 'one',
      home: home.path,
      assets,
      signal: interrupt.signal,
      progress: ({ program }) => program === 'kube-apiserver' && interrupt.abort(),
    })
    await assert.rejects(up, (error: SandboxError) => error.problem === 'aborted')
    assert.deepEqual(await listSandboxes({ home: home.path }), [])
  })

  test('a program that dies is named with the end of its log, and the others end too', async () => {
    await using home = await temporaryHome()
    const bad = join(home.path, 'bad-etcd')
    await writeFile(bad, '#!/bin/sh\necho the disk is made of cheese >&2\nexit 3\n', { mode: 0o755 })
    const up = sandboxUp({ name: 'one', home: home.path, assets: { ...assets, etcd: bad } })
    await assert.rejects(up, (error: SandboxError) => {
      assert.equal(error.problem, 'process-died')
      assert.match(error.message, /etcd ended with exit code 3.*etcd\.log.*\n\s+the disk is made of cheese/)
      return true
    })
    const status = await sandboxStatus({ name: 'one', home: home.path })
    assert.deepEqual(
      Object.values(status?.programs ?? {}).filter((program) => program.alive),
      [],
    )
  })

  test('a client certificate of the sandbox has the rights of its user and groups, no more', async () => {
    await using home = await temporaryHome()
    await using sandbox = await sandboxUp({ name: 'one', home: home.path, assets, owned: true })
    const authority = {
      cert: await readFile(sandbox.authority.cert, 'utf8'),
      key: await readFile(sandbox.authority.key, 'utf8'),
    }
    const pair = await createClientCertificate(authority, { user: 'nobody', validity: longValidity(new Date()) })
    const files = { cert: join(home.path, 'nobody.crt'), key: join(home.path, 'nobody.key') }
    await Promise.all([writeFile(files.cert, pair.cert), writeFile(files.key, pair.key)])
    const path = join(home.path, 'kubeconfig')
    await writeKubeconfig(path, {
      name: 'nobody',
      server: sandbox.server,
      authorityFile: sandbox.authority.cert,
      client: files,
    })
    await using kube = await client(path)
    await assert.rejects(kube.list(Secrets), (error: KubeError) => error.problem === 'forbidden')
    await using admin = await client(sandbox.kubeconfigPath)
    await make(admin, Secrets, { name: 'hidden', namespace: 'default' })
    assert.equal((await admin.list(Secrets, { namespace: 'default' })).items.length, 1)
  })

  test('a name that is no DNS label is refused', async () => {
    const up = sandboxUp({ name: '../up', home: '/nowhere', assets })
    await assert.rejects(up, (error: SandboxError) => error.problem === 'name-invalid')
  })
})

/** The programs that still run; a zombie that its parent has yet to collect does not. */
async function alive({ pids }: Pick<Sandbox, 'pids'>): Promise<number[]> {
  const found = await Promise.all(Object.values(pids).map(identify))
  return found.filter((identity) => identity !== undefined).map(({ pid }) => pid)
}

async function client(kubeconfig: string) {
  const kube = connect(await loadKubeConfig({ env: {}, home: '/', kubeconfig }))
  return Object.assign(kube, { [Symbol.asyncDispose]: () => kube.close() })
}

async function eventually(question: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!(await question())) {
    if (performance.now() > deadline) throw new Error('not within 30 s')
    await sleep(50)
  }
}

async function temporaryHome() {
  const path = await mkdtemp(join(tmpdir(), 'lifeboat-sandbox-'))
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      for (const { name } of await listSandboxes({ home: path })) await sandboxDown({ name, home: path })
      await rm(path, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
