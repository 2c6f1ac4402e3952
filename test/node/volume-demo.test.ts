// `npm start -- --with-volumes` as a person runs it: the whole story, Ctrl-C half-way, and what it says where it cannot run.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { differences } from '../../scripts/volume-demo/database.ts'
import { scratchFolder } from '../support/cli.ts'
import { eventually } from '../support/server.ts'

const door = fileURLToPath(new URL('../../scripts/run.mjs', import.meta.url))
const command = [process.execPath, door, 'demo', '--with-volumes']
const { HOME = '/root', XDG_CACHE_HOME = `${HOME}/.cache`, PATH = '' } = process.env

suite('the demo with volumes', { concurrency: false }, () => {
  test('brings the database back byte by byte, at the order at which its hooks stopped it, and leaves nothing', async () => {
    await using place = await scratchFolder()
    const demo = start(command, place.path)
    const { code, stdout, stderr } = await demo.ended
    assert.equal(code, 0, `${stdout}${stderr}`)
    assert.match(stdout, /Completed: \d+ objects in \S+, 2 snapshots in the storage/)
    assert.match(stdout, /^3 of 3 files identical, byte by byte, both volumes at order [1-9]\d*, after /m)
    await nothingLeft(place.path)
  })

  test('ends at Ctrl-C with code 130, and nothing stays mounted or running', async () => {
    await using place = await scratchFolder()
    const demo = start(command, place.path)
    await eventually(async () => {
      assert.equal(demo.child.exitCode, null, demo.said())
      return /Open a shop/.test(demo.said()) || undefined
    }, 240)
    assert.notDeepEqual(await traces(place.path), [])
    demo.child.kill('SIGINT')
    const { code, stdout, stderr } = await demo.ended
    assert.equal(code, 130, `${stdout}${stderr}`)
    await nothingLeft(place.path)
  })

  test('says in one line what this machine lacks, and starts nothing', async () => {
    await using place = await scratchFolder()
    const withoutGroups = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /sys/fs/cgroup && exec "$@"', 'sh']
    const groups = await start([...withoutGroups, ...command], place.path).ended
    assert.match(groups.stderr, /^error: a node needs control groups of its own in \/sys\/fs\/cgroup: .+\n$/)
    // Nobody, who may read this checkout wherever it lies.
    const reads = ['--inh-caps=+dac_read_search', '--ambient-caps=+dac_read_search']
    const nobody = ['setpriv', '--reuid=65534', '--clear-groups', ...reads, ...command]
    const root = await start(nobody, place.path).ended
    assert.match(root.stderr, /^error: a node needs root, .+\n$/)
    const packages = await start(command, place.path, { PATH: '/nowhere', XDG_CACHE_HOME: place.path }).ended
    assert.match(packages.stderr, /^(Fetching .+\n)?error: the programs of containerd, .+ there is no apt-get .+\n$/)
    for (const { code, stdout } of [groups, root, packages]) assert.deepEqual([code, stdout], [1, ''])
    await nothingLeft(place.path)
  })

  test('would say what has not come back', () => {
    const lost = { data: '1 a\n2 b\n3 c\n', journal: '1 a\n2 b\n3 c\n4 d\n', pictures: 'sum' }
    const back = { data: '1 a\n2 b\n', journal: '1 a\n2 b\n', pictures: 'sum' }
    assert.deepEqual(differences(lost, back, 2), [])
    assert.deepEqual(differences(lost, { ...back, journal: '1 a\n' }, 2), ['journal/orders: 1 orders instead of 2'])
    const torn = { data: '1 a\n2 x\n', journal: '1 a\n2 b\n', pictures: 'other' }
    assert.deepEqual(differences(lost, torn, 2), [
      'data/orders: not what was written',
      'data/pictures: not what was written',
    ])
  })
})

function start(words: readonly string[], state: string, more: Readonly<Record<string, string>> = {}) {
  const [file = '', ...args] = words
  const env = { PATH, HOME, XDG_CACHE_HOME, XDG_STATE_HOME: state, TMPDIR: state, ...more }
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, stdout, stderr }))
  return { child, ended, said: () => `${stdout}${stderr}` }
}

async function nothingLeft(state: string): Promise<void> {
  // The kernel takes mounts and loop devices away a moment after the last process.
  await eventually(async () => (await traces(state)).length === 0 || undefined, 60).catch(async () =>
    assert.deepEqual(await traces(state), []),
  )
}

/** Processes, mounts, loop devices and files that have to do with the folder. */
async function traces(state: string): Promise<string[]> {
  const read = (path: string) => readFile(path, 'utf8').catch(() => '')
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
  const commands = await Promise.all(pids.map((pid) => read(`/proc/${pid}/cmdline`)))
  const loops = (await readdir('/sys/block')).filter((name) => name.startsWith('loop'))
  const files = await Promise.all(loops.map((name) => read(`/sys/block/${name}/loop/backing_file`)))
  const mounts = (await read('/proc/self/mountinfo')).split('\n')
  const sandboxes = await readdir(join(state, 'lifeboat/sandboxes')).catch(() => [])
  const leftovers = (await readdir(state)).filter((name) => name.startsWith('lifeboat-'))
  return [...[...commands, ...files, ...mounts].filter((text) => text.includes(state)), ...sandboxes, ...leftovers]
}
