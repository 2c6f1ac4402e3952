import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises'
import { networkInterfaces, tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ensureControlPlane, ensureNode } from '#sandbox/assets.ts'
import type { SandboxError } from '#sandbox/error.ts'
import { slotOf } from '#sandbox/node-slot.ts'
import { identify } from '#sandbox/process-identity.ts'
import { sandboxDown, sandboxStatus } from '#sandbox/sandbox-end.ts'
import { readState, sandboxDirectory, type SandboxState } from '#sandbox/sandbox-state.ts'
import { sandboxUp } from '#sandbox/sandbox.ts'
import { connectTo } from '../support/cluster.ts'
import { inPod, startNodeSandbox, startPod } from '../support/node-sandbox.ts'
import { eventually } from '../support/server.ts'

const owner = fileURLToPath(new URL('../support/sandbox-owner.ts', import.meta.url))

suite('the end of a sandbox with a node', { concurrency: false }, () => {
  test('it takes pods, processes, mounts, network and control groups with it, and leaves another node alone', async () => {
    await using other = await startNodeSandbox()
    const kube = await connectTo(other.kubeconfigPath)
    const bystander = { namespace: 'default', name: 'bystander' }
    await startPod(kube, bystander)
    const sandbox = await startNodeSandbox()
    const mine = await connectTo(sandbox.kubeconfigPath)
    await startPod(mine, { namespace: 'default', name: 'pod' })
    const state = (await readState(sandbox.stateDir)) as SandboxState
    const traces = await openTraces(state)
    assert.ok((await traces.processes()) >= 4, 'the first process, containerd, kubelet and a shim run')
    assert.ok((await traces.groups()).length > 0)
    assert.deepEqual(traces.bridges(), [slotOf(state.node?.slot ?? 0).bridge])
    await mine.close()
    await sandbox[Symbol.asyncDispose]()
    assert.equal(await traces.processes(), 0)
    assert.deepEqual(await traces.groups(), [])
    assert.deepEqual(traces.bridges(), [])
    assert.doesNotMatch(await readFile('/proc/self/mountinfo', 'utf8'), new RegExp(sandbox.name))
    assert.equal(await inPod({ ...other, kube }, bystander, ['echo', 'alive']), 'alive\n')
    await kube.close()
  })

  test('one that is interrupted while it starts leaves nothing', async () => {
    const options = { env: process.env }
    const [assets, node] = [await ensureControlPlane(options), await ensureNode(options)]
    const home = await mkdtemp(join(tmpdir(), 'lifeboat-test-'))
    try {
      const interrupt = new AbortController()
      const directory = sandboxDirectory(home, 'one')
      let slot: number | undefined
      const up = sandboxUp({
        name: 'one',
        home,
        assets,
        node,
        signal: interrupt.signal,
        progress: ({ program }) => {
          if (program !== 'kubelet') return
          slot = (JSON.parse(readFileSync(join(directory, 'state.json'), 'utf8')) as SandboxState).node?.slot
          interrupt.abort()
        },
      })
      await assert.rejects(up, (error: SandboxError) => error.problem === 'aborted')
      assert.ok(slot !== undefined)
      assert.equal(networkInterfaces()[slotOf(slot).bridge], undefined)
      assert.deepEqual(await groupsOf(slot), [])
      assert.deepEqual(await readdir(directory), [])
    } finally {
      await rm(home, { recursive: true, force: true, maxRetries: 3 })
    }
  })

  test('kill -9 of its owner ends all processes at once, and down clears the rest', async () => {
    const home = await mkdtemp(join(tmpdir(), 'lifeboat-test-'))
    try {
      const child = spawn(process.execPath, [owner, home, 'node'], { stdio: ['ignore', 'pipe', 'inherit'] })
      await once(child.stdout, 'data')
      const state = (await readState(sandboxDirectory(home, 'owned'))) as SandboxState
      const traces = await openTraces(state)
      const kube = await connectTo(state.kubeconfigPath)
      await startPod(kube, { namespace: 'default', name: 'pod' })
      await kube.close()
      child.kill('SIGKILL')
      await once(child, 'exit')
      await eventually(async () => (await traces.processes()) === 0 || undefined)
      assert.equal((await sandboxStatus({ name: 'owned', home }))?.condition, 'dead')
      assert.equal(await sandboxDown({ name: 'owned', home }), true)
      assert.deepEqual(await traces.groups(), [])
      assert.deepEqual(traces.bridges(), [])
    } finally {
      await sandboxDown({ name: 'owned', home })
      await rm(home, { recursive: true, force: true, maxRetries: 3 })
    }
  })
})

/** Looks for what the node in `state` has on this machine. */
async function openTraces(state: SandboxState) {
  const slot = slotOf(state.node?.slot ?? 0)
  const space = await spaceOf(state.node?.init?.pid)
  return {
    /** How many processes live in the node's namespace; one that nobody has collected yet lives no more. */
    processes: async () => {
      const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
      const found = await Promise.all(
        pids.map(async (pid) => (await spaceOf(pid)) === space && (await identify(Number(pid)))),
      )
      return found.filter(Boolean).length
    },
    groups: () => groupsOf(slot.number),
    bridges: () => Object.keys(networkInterfaces()).filter((name) => name === slot.bridge),
  }
}

async function spaceOf(pid: number | string | undefined): Promise<string> {
  return readlink(`/proc/${pid}/ns/pid`).catch(() => '')
}

async function groupsOf(slot: number): Promise<string[]> {
  const hierarchies = (await readdir('/sys/fs/cgroup')).map((name) => join('/sys/fs/cgroup', name, slotOf(slot).cgroup))
  return (await Promise.all(hierarchies.map((path) => readdir(path).catch(() => [])))).flat()
}
