import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { ownCluster } from '../support/cluster.ts'
import { cli, scratchFolder, startCli, type CliResult, type RunningCli } from '../support/cli.ts'
import { changedKubeconfig } from '../support/kubeconfig.ts'
import { stallingProxy, type StallingProxy } from '../support/stalling-proxy.ts'

const configMaps = { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true }
const namespaces = { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false }

test('Ctrl-C in the middle of a backup or a restore ends the command at once and leaves nothing half-written', async (t) => {
  await using cluster = await ownCluster()
  await using folder = await scratchFolder()
  const { kube, kubeconfigPath } = cluster
  await kube.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'big' } })
  const data = { text: randomBytes(10_000).toString('hex') }
  for (let number = 0; number < 150; number += 1) {
    await kube.create(
      configMaps,
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: `part-${number}`, namespace: 'big' }, data },
      { namespace: 'big' },
    )
  }
  const store = join(folder.path, 'store')
  const through = ({ port }: StallingProxy): Promise<string> =>
    changedKubeconfig(kubeconfigPath, folder.path, (config) => {
      config.clusters[0].cluster['server'] = `https://127.0.0.1:${port}`
    })
  const create = ['--store', store, 'backup', 'create', 'big', '--include-namespaces', 'big']

  await t.test('a backup: no file remains, and the same name can be used again', async () => {
    await using proxy = await stallingProxy(portOf(kube.server), 1_000_000)
    const KUBECONFIG = await through(proxy)
    const running = startCli(create, { env: { KUBECONFIG } })
    await until(() => proxy.received() > 1_000_000)
    await sleep(300)
    running.child.kill('SIGINT')
    const { code, stderr } = await endedSoon(running)
    assert.equal(code, 130, stderr)
    assert.match(stderr, /^Interrupted|error: Interrupted/m)
    assert.deepEqual(await files(store), [])
    assert.equal((await cli(create, { env: { KUBECONFIG: kubeconfigPath } })).code, 0)
  })

  await t.test('a restore: no record remains, and running it again completes it', async () => {
    const before = await files(store)
    const args = [
      '--store',
      store,
      'restore',
      'create',
      'again',
      '--from-backup',
      'big',
      '--namespace-mappings',
      'big:big-copy',
    ]
    await using proxy = await stallingProxy(portOf(kube.server))
    const KUBECONFIG = await through(proxy)
    const running = startCli(args, { env: { KUBECONFIG } })
    await until(async () => (await kube.list(configMaps, { namespace: 'big-copy', limit: 10 })).items.length > 3)
    proxy.stall()
    running.child.kill('SIGINT')
    const { code, stderr } = await endedSoon(running)
    assert.equal(code, 130, stderr)
    assert.deepEqual(await files(store), before)
    const second = await cli(args, { env: { KUBECONFIG: kubeconfigPath } })
    assert.equal(second.code, 0, second.stdout + second.stderr)
    const { items } = await kube.list(configMaps, { namespace: 'big-copy', limit: 1000 })
    assert.equal(items.filter(({ metadata }) => metadata.name.startsWith('part-')).length, 150)
  })
})

function portOf(server: string): number {
  return Number(new URL(server).port)
}

/** Ctrl-C has to be felt: whatever the command still waits for must not hold it up. */
async function endedSoon(running: RunningCli): Promise<CliResult> {
  const began = performance.now()
  const result = await running.ended
  const seconds = (performance.now() - began) / 1000
  assert.ok(seconds < 5, `the command went on for ${seconds.toFixed(1)} s`)
  return result
}

async function files(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 30_000
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error('waited 30 s in vain')
    await sleep(20)
  }
}
