import assert from 'node:assert/strict'
import { glob, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { suite, test } from 'node:test'

// Who may import whom; cli/ is missing because it may import every room. Changing it takes a decision record (docs/decisions/).
const rooms: Readonly<Record<string, readonly string[]>> = {
  api: [],
  selection: ['api'],
  schedule: ['api'],
  items: ['api', 'selection'],
  kube: [],
  archive: ['api'],
  store: [],
  collect: ['kube', 'api', 'selection'],
  apply: ['kube', 'api', 'items'],
  hooks: ['kube', 'api', 'selection'],
  volumes: ['kube', 'store', 'api'],
  plugins: ['api', 'selection'],
  backup: ['collect', 'selection', 'items', 'archive', 'store', 'hooks', 'volumes', 'plugins', 'kube', 'api'],
  restore: ['apply', 'selection', 'items', 'archive', 'store', 'hooks', 'volumes', 'plugins', 'kube', 'api'],
  runtime: ['kube'],
  controllers: ['runtime', 'backup', 'restore', 'volumes', 'schedule', 'plugins', 'notify', 'store', 'kube', 'api'],
  server: ['controllers', 'runtime', 'plugins', 'store', 'kube', 'api'],
  notify: ['api'],
  agent: ['volumes', 'runtime', 'store', 'kube', 'api'],
  install: ['kube', 'api'],
  doctor: ['backup', 'restore', 'archive', 'store', 'kube', 'api'],
  sandbox: ['kube'],
}

/** What every room but store/ may use: the words for objects and types. */
const sharedFile = '#kube/object.ts'

/** Rooms that take everything as arguments, and the parts of Node that do nothing but compute. */
const pureRooms = ['api', 'selection', 'schedule', 'items']
const pureBuiltins = ['node:assert', 'node:buffer', 'node:crypto', 'node:path', 'node:util']

/** The import that `file` (relative to src/) must not have; undefined when it may. */
function refusal(file: string, specifier: string): string | undefined {
  const room = roomOf(file)
  if (specifier.startsWith('.'))
    return leavesRoom(file, specifier) ? `${file} leaves its room with ${specifier}` : undefined
  if (specifier.startsWith('#')) return roomRefusal(file, { room, specifier })
  if (!pureRooms.includes(room) || isTest(file)) return undefined
  const builtin = specifier.startsWith('node:')
  return builtin && !pureBuiltins.includes(specifier) ? `${file} is pure and must not import ${specifier}` : undefined
}

function roomRefusal(file: string, { room, specifier }: { room: string; specifier: string }): string | undefined {
  const target = roomOf(specifier.slice(1))
  const allowed = allowedFor(room)
  if (allowed === undefined) return `${file} is in a room that the table does not know`
  if (target === room || allowed.includes(target)) return undefined
  if (specifier === sharedFile && room !== 'store') return undefined
  return `${file} must not import ${specifier}: ${room || 'main'} may import ${allowed.join(', ') || 'no room'}`
}

function allowedFor(room: string): readonly string[] | undefined {
  if (room === '') return ['cli']
  // The front door of all rooms.
  return room === 'cli' ? Object.keys(rooms) : rooms[room]
}

/** First folder of a path below src/; empty for a file that lies in src/ itself. */
function roomOf(path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : ''
}

function leavesRoom(file: string, specifier: string): boolean {
  const target = new URL(specifier, `file:///src/${file}`).pathname
  // The package's own version is the one thing outside of src/ that its first file reads.
  if (file === 'main.ts' && target === '/package.json') return false
  return !target.startsWith(`/src/${roomOf(file)}`) || roomOf(target.slice('/src/'.length)) !== roomOf(file)
}

function isTest(file: string): boolean {
  return file.endsWith('.test.ts')
}

/** Every module that TypeScript source names in an import or export, static or dynamic. */
function importsOf(source: string): string[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '')
  const patterns = [
    /^\s*(?:import|export)\s[^'"`;]*?\sfrom\s*['"]([^'"]+)['"]/gm,
    /^\s*import\s*['"]([^'"]+)['"]/gm,
    /\bimport\(\s*['"]([^'"]+)['"]/g,
  ]
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1] ?? ''))
}

suite('the import table', () => {
  test('no file in src/ imports what its room may not', async () => {
    const root = fileURLToPath(new URL('../src', import.meta.url))
    const refused: string[] = []
    let files = 0
    let imports = 0
    for await (const file of glob('**/*.ts', { cwd: root })) {
      files++
      for (const specifier of importsOf(await readFile(`${root}/${file}`, 'utf8'))) {
        imports++
        const why = refusal(file, specifier)
        if (why !== undefined) refused.push(why)
      }
    }
    assert.deepEqual(refused.toSorted(), [])
    assert.ok(files > 100 && imports > files, `only ${imports} imports in ${files} files were read`)
  })

  test('a room imports itself, its neighbours in the table and the shared words', () => {
    assert.equal(refusal('backup/run.ts', '#collect/cut.ts'), undefined)
    assert.equal(refusal('backup/run.ts', '#backup/error.ts'), undefined)
    assert.equal(refusal('backup/run.ts', './error.ts'), undefined)
    assert.equal(refusal('cli/commands/get.ts', '../table.ts'), undefined)
    assert.equal(refusal('archive/tar.ts', sharedFile), undefined)
    assert.equal(refusal('main.ts', '#cli/process.ts'), undefined)
    assert.equal(refusal('main.ts', '../package.json'), undefined)
  })

  test('everything else is refused', () => {
    assert.match(refusal('selection/scope.ts', '#kube/client.ts') ?? '', /must not import #kube\/client\.ts/)
    assert.match(refusal('sandbox/sandbox.ts', '#cli/process.ts') ?? '', /sandbox may import kube/)
    assert.match(refusal('store/s3.ts', sharedFile) ?? '', /must not import/)
    assert.match(refusal('backup/run.ts', '../collect/cut.ts') ?? '', /leaves its room/)
    assert.match(refusal('backup/run.ts', '../../bench/main.ts') ?? '', /leaves its room/)
    assert.match(refusal('main.ts', './store/s3.ts') ?? '', /leaves its room/)
    assert.match(refusal('main.ts', '#store/s3.ts') ?? '', /must not import/)
    assert.match(refusal('cli/program.ts', '#web/page.ts') ?? '', /must not import/)
    assert.match(refusal('misc/thing.ts', '#api/backup.ts') ?? '', /does not know/)
    assert.match(refusal('items/clean.ts', 'node:fs/promises') ?? '', /is pure/)
  })

  test('every way of writing an import is seen', () => {
    const source = `
      import { a } from 'one'
      import type {
        B,
      } from "two"
      import 'three'
      export { c } from 'four'
      export * from 'five'
      const d = await import('six')
      import packageJson from 'seven' with { type: 'json' }
      // import { e } from 'in-a-comment'
      /** import { f } from 'in-another' */
      const text = "no import here"
    `
    assert.deepEqual(importsOf(source).toSorted(), ['five', 'four', 'one', 'seven', 'six', 'three', 'two'])
  })
})
