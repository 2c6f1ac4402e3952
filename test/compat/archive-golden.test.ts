import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { glob, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { decodeBackupMetadata } from '#archive/backup-metadata.ts'
import { decodeListGz, streamOf, type StoredBytes } from '#archive/json-gz.ts'
import { openArchive } from '#archive/open.ts'
import { packArchive } from '#archive/pack.ts'
import {
  decodeResourceList,
  encodeResourceList,
  resourceListBuilder,
  type ResourceList,
  type ResourceListBuilder,
  type RestoreAction,
} from '#archive/resource-list.ts'
import { countResults, decodeResults, encodeResults } from '#archive/results.ts'
import { decodeVolumeInfo, encodeVolumeInfo } from '#archive/volume-info.ts'

const scenarios = join(import.meta.dirname, 'golden', 'scenarios')
const run = promisify(execFile)

async function filesLike(pattern: string): Promise<string[]> {
  const found = (await Array.fromAsync(glob(pattern, { cwd: scenarios }))).map((file) => join(scenarios, file))
  assert.notEqual(found.length, 0, `golden files like ${pattern}`)
  return found
}

async function tempFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'lifeboat-compat-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

async function pathsByTar(file: string): Promise<string[]> {
  const { stdout, stderr } = await run('tar', ['--force-local', '-tzf', file], { maxBuffer: 2 ** 26 })
  assert.equal(stderr, '')
  return stdout.trimEnd().split('\n')
}

test("every archive that Velero made opens with all of its objects, and equals Velero's own resource list", async () => {
  await using folder = await tempFolder()
  for (const file of await filesLike('*/bucket/backups/*/*.tar.gz')) {
    await using archive = await openArchive(createReadStream(file), { spoolDir: folder.path, parse: JSON.parse })
    assert.equal(archive.formatVersion, '1.1.0')
    const paths = [...archive.entries(), ...archive.versionedEntries()].map(({ path }) => path)
    assert.deepEqual(
      paths.toSorted(),
      (await pathsByTar(file)).filter((path) => path !== 'metadata/version').toSorted(),
      basename(file),
    )
    const listed = resourceListBuilder()
    for (const entry of archive.entries()) {
      const { apiVersion, kind, metadata } = await archive.read(entry)
      assert.equal(metadata.name, entry.name)
      assert.equal(metadata.namespace, entry.namespace)
      listed.add({ apiVersion, kind, namespace: entry.namespace, name: entry.name })
    }
    const list = await readFile(file.replace('.tar.gz', '-resource-list.json.gz'))
    assert.equal(await text(encodeResourceList(listed)), await text(list))
  }
})

test('resource lists, results and volume info of Velero are written again byte for byte', async () => {
  for (const file of await filesLike('*/bucket/{backups,restores}/*/*-resource-list.json.gz')) {
    const bytes = await readFile(file)
    assert.equal(await text(encodeResourceList(rebuilt(await decodeResourceList(bytes)))), await text(bytes), file)
  }
  for (const file of await filesLike('*/bucket/{backups,restores}/*/*-results.gz')) {
    const bytes = await readFile(file)
    assert.equal(await text(await encodeResults(await decodeResults(bytes))), await text(bytes), file)
  }
  for (const file of await filesLike('*/bucket/{backups,restores}/*/*-volumeinfo.json.gz')) {
    const bytes = await readFile(file)
    assert.equal(await text(await encodeVolumeInfo(await decodeVolumeInfo(bytes))), await text(bytes), file)
  }
})

test('lists that Velero wrote as null are empty', async () => {
  for (const file of await filesLike(
    '*/bucket/backups/*/*-{volumesnapshots,podvolumebackups,itemoperations}.json.gz',
  )) {
    assert.ok(Array.isArray(await decodeListGz(await readFile(file), { name: file })))
  }
})

test('velero-backup.json names its backup, and the counts of its status are those of the results', async () => {
  for (const file of await filesLike('*/bucket/backups/*/*-results.gz')) {
    const backup = await decodeBackupMetadata(createReadStream(join(dirname(file), 'velero-backup.json')))
    assert.equal(backup.metadata.name, basename(file).replace('-results.gz', ''))
    const status = backup['status'] as { warnings?: number; errors?: number }
    const { warnings, errors } = await decodeResults(await readFile(file))
    assert.equal(countResults(warnings), status.warnings ?? 0)
    assert.equal(countResults(errors), status.errors ?? 0)
  }
})

test("tar lists and extracts our archive without a word, names of Velero's length and unicode included", async () => {
  await using folder = await tempFolder()
  const type = { group: 'rbac.authorization.k8s.io', version: 'v1', plural: 'roles', kind: 'Role', namespaced: true }
  const names = ['a', 'n'.repeat(63), 'n'.repeat(105), 'n'.repeat(250), 'system:übung', `${'ü'.repeat(99)}`]
  async function* items() {
    for (const name of names) {
      const object = { apiVersion: 'v1', kind: 'Role', metadata: { name, namespace: 'harbor' } }
      yield { preferred: true, item: { type, namespace: 'harbor', name, object } }
    }
  }
  const file = join(folder.path, 'ours.tar.gz')
  await writeFile(file, packArchive(items(), { mtime: new Date('2026-01-02T03:04:05Z') }))
  const { stdout, stderr } = await run('tar', ['-tvzf', file, '--quoting-style=literal'], {
    env: { ...process.env, TZ: 'UTC', LC_ALL: 'C.UTF-8' },
  })
  assert.equal(stderr, '')
  const base = 'resources/roles.rbac.authorization.k8s.io'
  const paths = names.flatMap((name) =>
    ['', '/v1-preferredversion'].map((version) => `${base}${version}/namespaces/harbor/${name}.json`),
  )
  const lines = stdout.trimEnd().split('\n')
  assert.deepEqual(
    lines.map((line) => line.split(' ').at(-1)),
    ['metadata/version', ...paths],
  )
  for (const line of lines) assert.match(line, /^-rwxr-xr-x 0\/0 +\d+ 2026-01-02 03:04 /)
  await run('tar', ['-xzf', file, '-C', folder.path])
  assert.equal(await readFile(join(folder.path, 'metadata/version'), 'utf8'), '1.1.0\n')
})

test('archives that tar made in its GNU and PAX formats open, whatever the length of a name', async () => {
  await using folder = await tempFolder()
  const names = ['n'.repeat(40), 'n'.repeat(101), 'n'.repeat(250), 'ü'.repeat(120)]
  const pods = join(folder.path, 'resources/pods/namespaces', 'a'.repeat(63))
  await mkdir(pods, { recursive: true })
  for (const name of names)
    await writeFile(join(pods, `${name}.json`), JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name } }))
  for (const format of ['gnu', 'pax']) {
    const file = join(folder.path, `${format}.tar.gz`)
    await run('tar', ['-czf', file, `--format=${format}`, '-C', folder.path, 'resources'])
    await using archive = await openArchive(createReadStream(file), {
      spoolDir: join(folder.path, 'spool'),
      parse: JSON.parse,
    })
    const found = await Promise.all([...archive.entriesOf('pods')].map((entry) => archive.read(entry)))
    assert.deepEqual(found.map(({ metadata }) => metadata.name).toSorted(), names.toSorted(), format)
  }
})

async function text(bytes: StoredBytes): Promise<string> {
  return gunzipSync(Buffer.concat(await Array.fromAsync(streamOf(bytes)))).toString()
}

/** A builder that was told what is in `list`. */
function rebuilt(list: ResourceList): ResourceListBuilder {
  const builder = resourceListBuilder()
  for (const [key, lines] of Object.entries(list)) {
    const [, apiVersion = '', kind = ''] = /^(.*)\/([^/]*)$/.exec(key) ?? []
    for (const line of lines) {
      const {
        namespace,
        name = '',
        action,
      } = /^(?:(?<namespace>.*)\/)?(?<name>.*?)(?:\((?<action>\w+)\))?$/.exec(line)?.groups ?? {}
      builder.add({ apiVersion, kind, namespace, name }, action as RestoreAction | undefined)
    }
  }
  return builder
}
