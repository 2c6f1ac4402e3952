import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkInstallFlags, installFlags, type InstallFlags } from './install-flags.ts'

const none = Object.fromEntries(Object.keys(installFlags).map((name) => [name, undefined])) as unknown as InstallFlags
const good = { provider: 'aws', bucket: 'b', 'no-secret': true }

test('what belongs together passes', () => {
  const flags: Partial<InstallFlags>[] = [
    good,
    { ...good, 'no-secret': undefined, 'secret-file': 'f' },
    { ...good, 'use-volume-snapshots': false, prefix: 'p', 'backup-location-config': { region: 'r' } },
    { 'no-default-backup-location': true, 'use-volume-snapshots': false, 'no-secret': true },
    { 'no-default-backup-location': true, provider: 'aws', 'no-secret': true },
    { 'crds-only': true },
    { ...good, features: ['EnableCSI'], 'uploader-type': 'kopia', 'disable-informer-cache': true },
    { ...good, 'least-privilege': true, 'backup-only': true },
  ]
  for (const given of flags) assert.doesNotThrow(() => checkInstallFlags({ ...none, ...given }), JSON.stringify(given))
})

test('what does not is refused, each with the flag that is wrong', () => {
  const refusals: [Partial<InstallFlags>, RegExp][] = [
    [{ ...good, bucket: '-b' }, /^--bucket cannot begin/],
    [{ 'no-secret': true, bucket: 'b' }, /^--provider is needed, or --no-default-backup-location/],
    [{ 'no-secret': true, provider: 'aws' }, /^--bucket is needed/],
    [{ ...good, 'no-default-backup-location': true }, /^--bucket, --prefix/],
    [
      { 'no-secret': true, 'no-default-backup-location': true },
      /^--provider is needed, or --use-volume-snapshots=false/,
    ],
    [{ ...good, 'use-volume-snapshots': false, 'snapshot-location-config': {} }, /^--snapshot-location-config/],
    [
      { ...good, bucket: undefined, 'no-default-backup-location': true, 'use-volume-snapshots': false },
      /^--provider has nothing to provide/,
    ],
    [{ ...good, 'no-secret': undefined }, /^exactly one of --secret-file and --no-secret/],
    [{ ...good, 'secret-file': 'f' }, /^exactly one of --secret-file and --no-secret/],
    [{ ...good, 'garbage-collection-frequency': '-1h' }, /cannot be negative/],
    [{ ...good, 'use-node-agent': true }, /^--use-node-agent cannot be used: copies of volume data are not there/],
    [{ ...good, 'backup-only': true }, /^--backup-only needs --least-privilege/],
  ]
  for (const [given, message] of refusals)
    assert.throws(() => checkInstallFlags({ ...none, ...given }), { message, exitCode: 2 }, JSON.stringify(given))
})
