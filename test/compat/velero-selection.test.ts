// Real Velero beside Lifeboat: which objects of one cluster each rule of selection takes, and which specs are refused.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { BackupStorageLocations } from '#api/backup-storage-location.ts'
import { Backups, type Backup, type BackupSpec } from '#api/backup.ts'
import { decodeResults } from '#archive/results.ts'
import { defaultBackup, readClusterFacts } from '#backup/defaults.ts'
import { readPolicies } from '#backup/policies.ts'
import { validateBackup } from '#backup/validation.ts'
import type { KubeClient } from '#kube/client.ts'
import { apiVersionOf } from '#kube/object.ts'
import { backupKey } from '#store/layout.ts'
import { serverNamespace as namespace } from '../../bench/installation.ts'
import { backUp } from '../support/backup-run.ts'
import { ownCluster } from '../support/cluster.ts'
import { fillLarder } from './larder.ts'
import { assertSameOutcome, assertSameStored, contentsOf } from './same-backup.ts'
import { openPlaces, openSite, type Places, type VeleroSite, veleroTimeout } from './velero-site.ts'

/** What is asked of both, by the backup's name. */
const scopes: Readonly<Record<string, readonly string[]>> = {
  'empty-namespace': ['--include-namespaces', 'quiet'],
  'one-type': ['--include-resources', 'deployments', '--include-namespaces', 'pantry'],
  'four-scoped-lists': [
    '--include-cluster-scoped-resources',
    'storageclasses,clusterroles',
    '--exclude-cluster-scoped-resources',
    'clusterrolebindings',
    '--include-namespace-scoped-resources',
    'configmaps,sa',
    '--exclude-namespace-scoped-resources',
    'secrets',
  ],
  'cluster-scoped-alone': [
    '--include-cluster-scoped-resources',
    '*',
    '--exclude-namespace-scoped-resources',
    '*',
    '--exclude-cluster-scoped-resources',
    'nodes',
  ],
  globs: ['--include-namespaces', 'app-*,db?,shelv[a-f]s', '--exclude-namespaces', '*-tmp'],
  'glob-of-nothing': ['--include-namespaces', 'nothing-*'],
  selector: ['--selector', 'app=web'],
  'selector-of-sets': ['--selector', 'app in (web,till),team notin (blue)'],
  'selector-in-a-namespace': ['--selector', 'app=web', '--include-namespaces', 'pantry'],
  'or-selectors': ['--or-selector', 'app=web or team in (blue)'],
  'no-volumes': ['--exclude-resources', 'persistentvolumes', '--include-namespaces', 'pantry'],
  'no-claims': ['--exclude-resources', 'persistentvolumeclaims', '--include-namespaces', 'pantry'],
  'volumes-of-claims': ['--include-resources', 'pods,pvc,pv', '--include-namespaces', 'pantry'],
  'no-cluster-scoped': ['--include-cluster-resources=false'],
  'custom-type': ['--include-namespaces', 'shelves'],
  'custom-type-by-name': ['--include-resources', 'jars.larder.lifeboat.test,jars'],
  'without-definitions': ['--include-namespaces', 'shelves', '--exclude-resources', 'crd'],
  'hidden-namespace': ['--exclude-namespaces', 'kube-*'],
  'all-types-by-star': ['--include-resources', '*'],
  ordered: ['--ordered-resources', 'pods=pantry/b,pantry/c;configmaps=pantry/absent', '--include-namespaces', 'pantry'],
  [`long-${'n'.repeat(75)}`]: ['--include-namespaces', 'quiet'],
}

test(
  'of one cluster both take the same in every scope, and refuse the same specs',
  { timeout: veleroTimeout },
  async (t) => {
    await using places = await openPlaces()
    await using cluster = await ownCluster()
    const { kube } = cluster
    await fillLarder(kube)
    await using site = await openSite(cluster, { places, maker: 'velero', concurrentBackups: 100, signal: t.signal })
    await makeReadOnlyLocation(kube)
    for (const [name, flags] of Object.entries(scopes)) {
      await t.test(`backup of ${name}`, async () => {
        const theirs = await site.backUp(name, flags)
        const ours = await backUp({ kube, store: places.stores.lifeboat, name, spec: theirs.spec })
        assertSameOutcome(ours, theirs)
        await assertSameStored(places.stores, name)
      })
    }
    await t.test('named pods come first, in the order of their names', () => assertOrdered(places))
    await t.test('an object named for the order that is not there is a warning', () => assertWarned(places))
    await assertRefusals(t, { kube, site })
  },
)

async function assertOrdered({ stores }: Places): Promise<void> {
  for (const store of Object.values(stores)) {
    const paths = [...(await contentsOf(store, 'ordered')).keys()]
    const pods = paths.filter((path) => path.startsWith('resources/pods/namespaces/'))
    assert.deepEqual(
      pods.slice(0, 2).map((path) => path.split('/').at(-1)),
      ['b.json', 'c.json'],
    )
    assert.equal(pods.length, 4)
  }
}

async function assertWarned({ stores }: Places): Promise<void> {
  for (const store of Object.values(stores)) {
    const { warnings, errors } = await decodeResults(await store.get(backupKey('ordered', 'results')))
    assert.deepEqual(errors, {})
    const texts = JSON.stringify(warnings)
    assert.match(texts, /absent/)
  }
}

async function makeReadOnlyLocation(kube: KubeClient): Promise<void> {
  const { spec } = await kube.get(BackupStorageLocations, 'default', { namespace })
  const location = {
    apiVersion: apiVersionOf(BackupStorageLocations),
    kind: BackupStorageLocations.kind,
    metadata: { name: 'frozen', namespace },
    spec: { ...spec, default: false, accessMode: 'ReadOnly' as const },
    status: { phase: 'Available' as const },
  }
  await kube.create(BackupStorageLocations, location, { namespace })
}

/** Specs with one mistake each, or several. */
const mistakes: Readonly<Record<string, BackupSpec>> = {
  'mixed-filters': { includedResources: ['pods'], excludedClusterScopedResources: ['nodes'] },
  'two-asterisks': { includedNamespaces: ['a**b'] },
  alternative: { includedNamespaces: ['a|b'] },
  'upper-case': { excludedNamespaces: ['Upper'] },
  'open-bracket': { includedNamespaces: ['a[bc'] },
  'hidden-by-name': { includedNamespaces: ['hidden', 'pantry'] },
  'namespace-in-both': { includedNamespaces: ['pantry'], excludedNamespaces: ['pantry', 'quiet'] },
  'asterisk-and-more': { includedNamespaces: ['*', 'pantry'] },
  'asterisk-left-out': { excludedNamespaces: ['*'] },
  'type-in-both': { includedResources: ['pods', 'secrets'], excludedResources: ['secrets'] },
  'types-asterisk-left-out': { excludedResources: ['*'] },
  'types-asterisk-and-more': { includedResources: ['*', 'pods'] },
  'scoped-in-both': {
    includedClusterScopedResources: ['nodes'],
    excludedClusterScopedResources: ['nodes'],
    includedNamespaceScopedResources: ['pods'],
    excludedNamespaceScopedResources: ['pods'],
  },
  'scoped-asterisk-and-more': {
    includedClusterScopedResources: ['*', 'nodes'],
    excludedNamespaceScopedResources: ['*', 'pods'],
  },
  'scoped-nothing-of-something': {
    includedNamespaceScopedResources: ['pods'],
    excludedNamespaceScopedResources: ['*'],
  },
  'scoped-nothing-of-everything': {
    includedClusterScopedResources: ['*'],
    excludedClusterScopedResources: ['*'],
    includedNamespaceScopedResources: ['*'],
    excludedNamespaceScopedResources: ['*'],
  },
  'types-nothing-of-everything': { includedResources: ['*'], excludedResources: ['*'] },
  'closed-bracket': { includedNamespaces: ['a]'], excludedNamespaces: ['b[c]]'] },
  'empty-bracket': { includedNamespaces: ['a[]b'] },
  'bracket-in-bracket': { includedNamespaces: ['a[[b]', 'a[^b]', 'a[B]'] },
  dots: { includedNamespaces: ['a.b', 'a[b.]c'] },
  'dashes-outside': { includedNamespaces: ['-a*', '*-', 'a_b'] },
  'long-name': { includedNamespaces: ['n'.repeat(64)] },
  'both-selectors': { labelSelector: { matchLabels: { a: 'b' } }, orLabelSelectors: [{ matchLabels: { c: 'd' } }] },
  'missing-policy': { resourcePolicy: { kind: 'configmap', name: 'missing' } },
  'missing-location': { storageLocation: 'nowhere' },
  'frozen-location': { storageLocation: 'frozen' },
  'missing-snapshot-location': { volumeSnapshotLocations: ['nowhere'] },
  'several-at-once': {
    storageLocation: 'nowhere',
    includedNamespaces: ['a**b', 'Upper'],
    includedResources: ['pods'],
    excludedResources: ['pods'],
  },
}

/** Where our words are our own (docs/velero-compatibility.md). */
const ownWords = /location|ResourcePolicies|resource policy/i

/** A refusal keeps its place among the running ones until Velero's queue looks again, once a minute: there are places for all. */
const QUEUE_SECONDS = 300

async function assertRefusals(t: TestContext, { kube, site }: { kube: KubeClient; site: VeleroSite }): Promise<void> {
  for (const [name, spec] of Object.entries(mistakes)) {
    await t.test(`a backup with ${name} is refused by both`, async () => {
      await kube.create(Backups, asked(name, spec), { namespace })
      const theirs = await site.ended(name, QUEUE_SECONDS)
      assert.equal(theirs.status?.phase, 'FailedValidation')
      const ours = await problemsOf(kube, asked(name, spec))
      const expected = theirs.status.validationErrors ?? []
      assert.equal(ours.length, expected.length, `${ours.join('\n')}\ninstead of\n${expected.join('\n')}`)
      assert.deepEqual(
        ours.filter((text) => !ownWords.test(text)),
        expected.filter((text) => !ownWords.test(text)),
      )
    })
  }
}

function asked(name: string, spec: BackupSpec): Backup {
  return { apiVersion: apiVersionOf(Backups), kind: Backups.kind, metadata: { name, namespace }, spec }
}

/** What our server would say. */
async function problemsOf(kube: KubeClient, backup: Backup): Promise<string[]> {
  const locations = (await kube.list(BackupStorageLocations, { namespace })).items
  const places = { locations, snapshotLocations: [] }
  const facts = await readClusterFacts(kube)
  const accepted = defaultBackup(backup, { facts, now: new Date(), settings: places })
  const { problems } = await readPolicies(kube, accepted)
  return validateBackup(accepted, { ...places, policyProblems: problems })
}
