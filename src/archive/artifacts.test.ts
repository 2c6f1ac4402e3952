import assert from 'node:assert/strict'
import { readdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { decodeBackupMetadata, encodeBackupMetadata } from './backup-metadata.ts'
import { withDigest } from './digest.ts'
import type { Digest } from './digest.ts'
import { entryAddress, entryPath } from './entry-path.ts'
import { decodeJsonGz, decodeListGz, encodeJsonGz, goJson } from './json-gz.ts'
import { decodeResourceList, encodeResourceList, resourceListBuilder } from './resource-list.ts'
import { addResult, countResults, decodeResults, emptyResults, encodeResults, mergeResults } from './results.ts'
import { openRunLog } from './run-log.ts'
import type { LogLine } from './log-line.ts'
import type { RunLogOptions } from './run-log.ts'
import { decodeVolumeInfo, encodeVolumeInfo } from './volume-info.ts'
import { decodeVolumeSnapshots, encodeVolumeSnapshots } from './volume-snapshots.ts'

const now = () => new Date('2026-01-02T03:04:05.678Z')

async function logged(options: Partial<RunLogOptions>, write: (log: Awaited<ReturnType<typeof openRunLog>>) => void) {
  const spoolDir = await mkdtemp(join(tmpdir(), 'lifeboat-log-'))
  try {
    await using log = await openRunLog({ run: { backup: 'velero/b' }, spoolDir, now, ...options })
    write(log)
    const bytes = Buffer.concat(await Array.fromAsync(await log.close(), (chunk) => Buffer.from(chunk)))
    assert.deepEqual(await readdir(spoolDir), [])
    return { text: gunzipSync(bytes).toString(), results: log.results(), counts: log.counts() }
  } finally {
    await rm(spoolDir, { recursive: true })
  }
}

test('JSON artifacts are written as Go writes them: escaped, one line, one gzip member', async () => {
  const bytes = await encodeJsonGz({ a: '<b> & \u2028 ü' })
  assert.equal(gunzipSync(bytes).toString(), '{"a":"\\u003cb\\u003e \\u0026 \\u2028 ü"}\n')
})

test('whatever JSON is encoded, the same comes back', async () => {
  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), async (value) => {
      const same: unknown = JSON.parse(JSON.stringify(value))
      assert.deepEqual(await decodeJsonGz(await encodeJsonGz(value), { name: 'x' }), same)
    }),
    { numRuns: 50 },
  )
})

test('a damaged JSON artifact is refused with its name', async () => {
  const options = { name: 'b-results.gz' }
  const bytes = await encodeJsonGz(['x'.repeat(100)])
  const named = { name: 'ArchiveError', message: /b-results\.gz/ }
  await assert.rejects(decodeJsonGz(bytes.subarray(0, 20), options), { ...named, problem: 'truncated' })
  await assert.rejects(decodeJsonGz(Buffer.from('[]'), options), { ...named, problem: 'not-gzip' })
  await assert.rejects(decodeJsonGz(gzipSync('{"a":'), options), { ...named, problem: 'invalid-json' })
  await assert.rejects(decodeJsonGz(bytes, { ...options, maxBytes: 50 }), { ...named, problem: 'too-large' })
  await assert.rejects(decodeListGz(gzipSync('{}'), options), { ...named, problem: 'invalid-json' })
})

test('an empty list may be null', async () => {
  assert.deepEqual(await decodeListGz(gzipSync('null\n'), { name: 'x' }), [])
  assert.deepEqual(await decodeListGz(gzipSync('[]\n'), { name: 'x' }), [])
  assert.equal(gunzipSync(await encodeVolumeInfo([])).toString(), '[]\n')
  assert.deepEqual(await decodeVolumeInfo(await encodeVolumeInfo([{ pvName: 'a' }])), [{ pvName: 'a' }])
})

test('a resource list is sorted, names an object once, and shows the last action of a restore', async () => {
  const builder = resourceListBuilder()
  const pod = { apiVersion: 'v1', kind: 'Pod', namespace: 'b', name: 'p' }
  builder.add({ apiVersion: 'v1', kind: 'Pod', namespace: 'a', name: 'z' }, 'created')
  builder.add(pod, 'failed')
  builder.add(pod, 'created')
  builder.add({ apiVersion: 'apps/v1', kind: 'Deployment', namespace: 'a', name: 'd' }, 'skipped')
  builder.add({ apiVersion: 'v1', kind: 'Namespace', name: 'a' })
  const expected =
    '{"apps/v1/Deployment":["a/d(skipped)"],"v1/Namespace":["a"],"v1/Pod":["a/z(created)","b/p(created)"]}'
  const bytes = Buffer.concat(await Array.fromAsync(encodeResourceList(builder)))
  assert.equal(gunzipSync(bytes).toString(), `${expected}\n`)
  assert.deepEqual(await decodeResourceList(bytes), JSON.parse(expected))
})

test('a resource list is what Go would encode of the same names, however many there are', async () => {
  const word = fc.stringMatching(/^[-.:a-z<&é]{1,9}$/)
  const place = fc.record({ kind: word, namespace: fc.option(word, { nil: undefined }), name: word })
  await fc.assert(
    fc.asyncProperty(fc.array(place), fc.nat(40_000), async (places, many) => {
      const builder = resourceListBuilder()
      const names = new Map<string, Set<string>>()
      const add = (kind: string, namespace: string | undefined, name: string): void => {
        builder.add({ apiVersion: 'v1', kind, namespace, name })
        const key = `v1/${kind}`
        names.set(key, (names.get(key) ?? new Set()).add(namespace === undefined ? name : `${namespace}/${name}`))
      }
      for (const { kind, namespace, name } of places) add(kind, `n${namespace ?? ''}`, name)
      for (let number = 0; number < many; number += 1000) add('Many', `m${number % 7}`, `${number}`)
      builder.add({ apiVersion: 'v1', kind: 'Gone', name: 'x' })
      builder.remove({ apiVersion: 'v1', kind: 'Gone', name: 'x' })
      const keys = [...names.keys()].toSorted()
      const expected = Object.fromEntries(keys.map((key) => [key, [...names.get(key)!].toSorted()]))
      const bytes = Buffer.concat(await Array.fromAsync(encodeResourceList(builder)))
      assert.equal(gunzipSync(bytes).toString(), `${goJson(expected)}\n`)
    }),
    { numRuns: 50 },
  )
})

test('results keep their buckets through storing and merging, whatever a namespace is called', async () => {
  const first = emptyResults()
  addResult(first.warnings, undefined, 'w1')
  addResult(first.warnings, '', 'w2')
  addResult(first.errors, 'constructor', 'e1')
  const second = emptyResults()
  addResult(second.errors, 'constructor', 'e2')
  addResult(second.errors, '__proto__', 'e3')
  const merged = mergeResults(first, second)
  assert.equal(
    JSON.stringify(merged),
    '{"warnings":{"velero":["w1"],"cluster":["w2"]},"errors":{"namespaces":{"constructor":["e1","e2"],"__proto__":["e3"]}}}',
  )
  assert.equal(countResults(merged.errors), 3)
  assert.equal(countResults(merged.warnings), 2)
  assert.equal(JSON.stringify(await decodeResults(await encodeResults(merged))), JSON.stringify(merged))
  assert.equal(gunzipSync(await encodeResults(emptyResults())).toString(), '{"errors":{},"warnings":{}}\n')
  assert.deepEqual(await decodeResults(gzipSync('{"errors":null}')), emptyResults())
})

test('a log line looks as Velero writes it', async () => {
  const { text } = await logged({}, (log) => {
    log.info('Backed up "x"', { resource: 'pods', name: 'a b', namespace: '' })
    log.debug('not shown')
  })
  assert.equal(
    text,
    'time="2026-01-02T03:04:05Z" level=info msg="Backed up \\"x\\"" backup=velero/b name="a b" namespace= resource=pods\n',
  )
})

test('a log can be JSON and can be told apart by its level', async () => {
  const { text, counts } = await logged({ format: 'json', level: 'error' }, (log) => {
    log.warning('dropped from the text only')
    log.error('bad', { namespace: 'a' })
  })
  assert.equal(
    text,
    '{"backup":"velero/b","namespace":"a","level":"error","msg":"bad","time":"2026-01-02T03:04:05Z"}\n',
  )
  assert.deepEqual(counts, { warnings: 1, errors: 1 })
})

test("warnings and errors become the entries of a backup's results", async () => {
  const { results, counts } = await logged({}, (log) => {
    log.warning('w', { error: 'why' })
    log.warning('c', { namespace: '', resource: 'nodes', name: 'n' })
    log.error('e', { namespace: 'a', resource: 'pods', name: 'p', error: 'boom' })
  })
  assert.deepEqual(results, {
    warnings: { velero: [' message: /w error: /why'], cluster: [' resource: /nodes name: /n message: /c'] },
    errors: { namespaces: { a: [' resource: /pods name: /p message: /e error: /boom'] } },
  })
  assert.deepEqual(counts, { warnings: 2, errors: 1 })
})

test('a long log is whole, in order, and echoed line by line', async () => {
  const echoed: LogLine[] = []
  const { text } = await logged({ echo: (line) => echoed.push(line) }, (log) => {
    for (let i = 0; i < 20_000; i++) log.info(`line ${i}`)
  })
  const lines = text.trimEnd().split('\n')
  assert.equal(lines.length, 20_000)
  assert.ok(lines.every((line, i) => line.includes(`msg="line ${i}" `)))
  assert.equal(echoed.length, 20_000)
  assert.equal(echoed[7]!.message, 'line 7')
})

test('velero-backup.json is indented, complete and read with unknown fields', async () => {
  const backup = { apiVersion: 'velero.io/v1', kind: 'Backup', metadata: { name: 'b' }, spec: { future: { x: 1 } } }
  const bytes = encodeBackupMetadata({ metadata: backup.metadata, spec: backup.spec })
  assert.match(Buffer.from(bytes).toString(), /^\{\n {2}"/)
  assert.deepEqual(await decodeBackupMetadata(bytes), backup)
  await assert.rejects(decodeBackupMetadata(Buffer.from('{')), { problem: 'invalid-json' })
  await assert.rejects(decodeBackupMetadata(encodeBackupMetadata({})), { problem: 'unsupported' })
  await assert.rejects(
    decodeBackupMetadata(Buffer.from('{"apiVersion":"velero.io/v2","kind":"Backup","metadata":{"name":"b"}}')),
    {
      problem: 'unsupported',
    },
  )
})

test('a digest is that of the bytes that went through', async () => {
  let digest: Digest | undefined
  async function* bytes(): AsyncGenerator<Uint8Array> {
    yield Buffer.from('ab')
    yield Buffer.from('c')
  }
  const out = await Array.fromAsync(withDigest(bytes(), (value) => (digest = value)))
  assert.equal(Buffer.concat(out).toString(), 'abc')
  assert.deepEqual(digest, { sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', size: 3 })
})

test('an address survives its path, and a folder called cluster is no version', () => {
  const segment = fc
    .string({ minLength: 1, maxLength: 20 })
    .filter((text) => !/[/\0]/.test(text) && text !== '.' && text !== '..')
  const address = fc.record({
    resource: segment,
    namespace: fc.option(segment, { nil: undefined }),
    name: segment,
    version: fc.option(fc.constantFrom('v1', 'v1beta1'), { nil: undefined }),
    preferred: fc.boolean(),
  })
  fc.assert(
    fc.property(address, (given) => {
      const want = { ...given, preferred: given.version !== undefined && given.preferred }
      assert.deepEqual({ ...entryAddress(entryPath(want)) }, { ...want })
    }),
  )
  for (const path of [
    'resources/pods/a.json',
    'resources/pods/cluster/x/a.json',
    'resources/pods/namespaces/a.json',
    'x/pods/cluster/a.json',
  ]) {
    assert.equal(entryAddress(path), undefined, path)
  }
})

test('a list of native snapshots comes back as it was, an empty one is null as in Velero, and what is no snapshot is passed over', async () => {
  const spec = {
    backupName: 'b',
    backupUID: 'u',
    location: 'default',
    persistentVolumeName: 'pv',
    providerVolumeID: 'vol-1',
    volumeType: 'gp3',
    volumeAZ: 'a',
  }
  const taken = { spec, status: { providerSnapshotID: 'snap-1', phase: 'Completed' as const } }
  assert.deepEqual(await decodeVolumeSnapshots(await encodeVolumeSnapshots([taken])), [taken])
  assert.equal(gunzipSync(await encodeVolumeSnapshots([])).toString(), 'null\n')
  assert.deepEqual(await decodeVolumeSnapshots(gzipSync('null')), [])
  assert.deepEqual(await decodeVolumeSnapshots(gzipSync(JSON.stringify([1, {}, { spec }]))), [{ spec, status: {} }])
})
