import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { bytes, rejectsWith } from '#store/contract-tools.ts'
import { keyProblem } from '#store/key.ts'
import {
  backupArtifacts,
  backupKey,
  backupPrefix,
  isRunName,
  parseKey,
  restoreArtifacts,
  restoreKey,
  restorePrefix,
  unknownFolders,
  unknownFoldersMessage,
} from '#store/layout.ts'
import { memoryStore } from '#store/memory.ts'
import { StoreError } from '#store/store.ts'

const runName = fc.stringMatching(/^[a-z0-9]([-a-z0-9.]{0,20}[a-z0-9])?$/).filter(isRunName)

test('a key tells whose artifact it is, and nothing else has that key', () => {
  fc.assert(
    fc.property(runName, fc.constantFrom(...backupArtifacts), (name, artifact) => {
      const key = backupKey(name, artifact)
      assert.ok(key.startsWith(backupPrefix(name)))
      assert.equal(keyProblem(key), undefined)
      assert.deepEqual(parseKey(key), { run: 'backup', name, artifact })
    }),
  )
  fc.assert(
    fc.property(runName, fc.constantFrom(...restoreArtifacts), (name, artifact) => {
      const key = restoreKey(name, artifact)
      assert.ok(key.startsWith(restorePrefix(name)))
      assert.equal(keyProblem(key), undefined)
      assert.deepEqual(parseKey(key), { run: 'restore', name, artifact })
    }),
  )
})

test('a key that parses is the key that its parts give', () => {
  const part = fc.oneof(
    runName,
    fc.constantFrom('backups', 'restores', 'a', 'a.tar.gz', 'a-logs.gz', 'velero-backup.json', '..', ''),
  )
  fc.assert(
    fc.property(fc.array(part, { maxLength: 4 }), (parts) => {
      const key = parts.join('/')
      const known = parseKey(key)
      if (known?.run === 'backup') assert.equal(backupKey(known.name, known.artifact), key)
      if (known?.run === 'restore') assert.equal(restoreKey(known.name, known.artifact), key)
    }),
  )
})

test("the keys are Velero's", () => {
  assert.equal(backupKey('b', 'metadata'), 'backups/b/velero-backup.json')
  assert.equal(backupKey('b', 'contents'), 'backups/b/b.tar.gz')
  assert.equal(backupKey('b', 'logs'), 'backups/b/b-logs.gz')
  assert.equal(backupKey('b', 'volume-info'), 'backups/b/b-volumeinfo.json.gz')
  assert.equal(backupKey('b', 'manifest'), 'backups/b/b-manifest.json.gz')
  assert.equal(restoreKey('r', 'results'), 'restores/r/restore-r-results.gz')
  assert.equal(restoreKey('r', 'volume-info'), 'restores/r/r-volumeinfo.json.gz')
})

test('a name that Kubernetes would refuse makes no key', () => {
  for (const name of ['', '..', '.', 'a/b', '../a', 'a..b', 'A', 'a_b', '-a', 'a-', 'a\n', 'x'.repeat(254)]) {
    assert.throws(() => backupKey(name, 'contents'), StoreError, name)
    assert.throws(() => backupPrefix(name), StoreError, name)
    assert.throws(() => restoreKey(name, 'logs'), StoreError, name)
    assert.throws(() => restorePrefix(name), StoreError, name)
  }
})

test('a store with folders that are not a backup store is not valid, loose objects do not matter', async () => {
  const store = memoryStore()
  for (const key of ['loose', 'backups/a/x', 'restores/a/x', 'restic/x', 'kopia/ns/x', 'metadata/x', 'plugins/x']) {
    await store.put(key, bytes('x'))
  }
  assert.deepEqual(await unknownFolders(store), [])
  for (const folder of ['d', 'c', 'b', 'a']) await store.put(`${folder}/x`, bytes('x'))
  const unknown = await unknownFolders(store)
  assert.deepEqual(unknown, ['a', 'b', 'c', 'd'])
  assert.match(unknownFoldersMessage(store, unknown), /4 folders, a, b, c, \.\.\./)
  assert.match(unknownFoldersMessage(store, ['a', 'b', 'c']), /: a, b, c;/)
  await rejectsWith('invalid', store.put('backups//x', bytes('x')))
})
