// What real Velero said about a backup in which everything is wrong (golden a15), beside what we say about the same.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import type { Backup } from '#api/backup.ts'
import { defaultBackup } from '#backup/defaults.ts'
import { validateBackup } from '#backup/validation.ts'

const recorded = join(import.meta.dirname, 'golden', 'scenarios', 'a15-invalid', 'backup.json')

/** Texts of ours in place of Velero's, which name the same object (docs/velero-compatibility.md). */
const ownWords: readonly [theirs: RegExp, ours: RegExp][] = [
  [/BackupStorageLocation.* "nowhere" not found/, /backup storage location "nowhere" not found/],
  [/VolumeSnapshotLocation.* "nowhere-either" not found/, /volume snapshot location "nowhere-either" not found/],
  [/ResourcePolicies velero\/missing ConfigMap/, /^the policy is missing$/],
]

test('a backup in which everything is wrong is refused for the same reasons, in the same order and mostly in the same words', async () => {
  const theirs = JSON.parse(await readFile(recorded, 'utf8')) as Backup
  const facts = { version: { major: '1', minor: '36', gitVersion: 'v1.36.3' }, excludedNamespaces: [] }
  const asked = { ...theirs, status: undefined }
  const settings = { locations: [], snapshotLocations: [] }
  const backup = defaultBackup(asked as unknown as Backup, { facts, now: new Date(), settings })
  const problems = validateBackup(backup, { ...settings, policyProblems: ['the policy is missing'] })
  const expected = theirs.status?.validationErrors ?? []
  assert.equal(problems.length, expected.length, problems.join('\n'))
  for (const [index, text] of expected.entries()) {
    const own = ownWords.find(([words]) => words.test(text))
    if (own === undefined) assert.equal(problems[index], text)
    else assert.match(problems[index] ?? '', own[1])
  }
})
