import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { ensurePackages } from './debian-packages.ts'
import { SandboxError } from './error.ts'

const set = { name: 'tools', packages: ['one', 'two'] }

test('packages are fetched and unpacked once, however many ask, and their versions are written down', async () => {
  await using machine = await machineWith(machineWithLists)
  const told: string[] = []
  const options = { env: machine.env, fetching: ({ name }: { name: string }) => told.push(name) }
  const [path, other] = await Promise.all([ensurePackages(set, options), ensurePackages(set, options)])
  assert.equal(path, other)
  assert.deepEqual(told, ['tools'])
  assert.equal(await readFile(join(path, 'packages.txt'), 'utf8'), 'one_1.0_all.deb\ntwo_1.0_all.deb\n')
  assert.deepEqual((await readdir(path)).toSorted(), ['one_1.0_all', 'packages.txt', 'two_1.0_all'])
  assert.deepEqual(await machine.calls(), ['download one two'])
  const wider = await ensurePackages({ ...set, packages: ['one', 'two', 'three'] }, options)
  assert.notEqual(wider, path)
})

test('a machine without lists of packages gets them first', async () => {
  await using machine = await machineWith(`[ $1 = update ] && touch $HOME/lists && exit 1
    [ -e $HOME/lists ] || { echo 'E: Unable to locate package one' >&2; exit 100; }
    ${machineWithLists}`)
  await ensurePackages(set, { env: machine.env })
  assert.deepEqual(await machine.calls(), ['download one two', 'update', 'download one two'])
})

test('what apt cannot fetch is named in one line, and nothing is left in the cache', async () => {
  await using machine = await machineWith("echo 'E: Unable to locate package two' >&2; exit 100")
  await refused(machine.env, /^apt-get could not fetch one, two: E: Unable to locate package two$/)
  assert.deepEqual(await readdir(join(machine.home, 'lifeboat/assets')), [])
})

test('without apt, one line says where this works', async () => {
  await using machine = await machineWith('exit 0')
  await refused({ ...machine.env, PATH: '/nowhere' }, /no apt-get to fetch them with: this works on Debian/)
})

// As apt-get does: a file for each package, in the folder where it is called.
const machineWithLists = 'shift; for name in "$@"; do touch ${name}_1.0_all.deb; done'

async function refused(env: Record<string, string>, words: RegExp): Promise<void> {
  await assert.rejects(ensurePackages(set, { env }), (error) => {
    assert.ok(error instanceof SandboxError && error.problem === 'asset-missing')
    assert.match(error.message, words)
    assert.doesNotMatch(error.message, /\n/)
    return true
  })
}

/** A machine whose apt-get is a shell script; its dpkg-deb leaves a file with the package's name. */
async function machineWith(aptGet: string) {
  const home = await mkdtemp(join(tmpdir(), 'lifeboat-packages-'))
  const programs = join(home, 'bin')
  await mkdir(programs)
  const program = (name: string, script: string) =>
    writeFile(join(programs, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  await program('apt-get', `echo "$*" >> ${home}/calls\n${aptGet}`)
  await program('dpkg-deb', 'touch $3/$(basename $2 .deb)')
  return {
    home,
    env: { PATH: `${programs}:/usr/bin:/bin`, HOME: home, XDG_CACHE_HOME: home },
    calls: async () => (await readFile(join(home, 'calls'), 'utf8')).trim().split('\n'),
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  }
}
