import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { test } from 'node:test'
import type { PreviewedType } from '#backup/preview.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { apiVersionOf, resourceName } from '#kube/object.ts'
import { fileStore } from '#store/file.ts'
import { readBackup } from '../support/backup-run.ts'
import { ownCluster, sharedCluster, testNamespace } from '../support/cluster.ts'
import { cli, scratchFolder, type CliResult } from '../support/cli.ts'
import { ConfigMaps, make } from '../support/objects.ts'

interface PreviewLine {
  apiVersion: string
  kind: string
  resource: string
  namespace?: string | undefined
  name: string
  decision: 'take' | 'leave'
  how?: string
  reason?: string
}

interface PreviewDocument {
  objects: PreviewLine[]
  types: PreviewedType[]
}

/** Types whose objects come and go by themselves, so that two looks at the cluster differ. */
const restless = /^(events|events\.events\.k8s\.io|leases\.coordination\.k8s\.io)$/

const pathOf = ({ resource, namespace, name }: Pick<PreviewLine, 'resource' | 'namespace' | 'name'>): string =>
  `resources/${resource}/${namespace === undefined ? 'cluster' : `namespaces/${namespace}`}/${name}.json`

/** Everything the cluster can list, by path: `apiVersion` and uid in the preferred version of its type. */
async function everything(kube: KubeClient): Promise<Map<string, { apiVersion: string; uid: string | undefined }>> {
  const found = new Map<string, { apiVersion: string; uid: string | undefined }>()
  for (const type of (await kube.discover()).types) {
    const resource = resourceName(type)
    if (!type.preferred || !type.verbs.includes('list') || restless.test(resource)) continue
    for await (const { items } of kube.pages(type)) {
      for (const { metadata } of items)
        found.set(pathOf({ resource, ...metadata }), { apiVersion: apiVersionOf(type), uid: metadata.uid })
    }
  }
  return found
}

const filters = (namespace: string): readonly (readonly string[])[] => [
  [],
  ['--include-namespaces', namespace],
  ['--include-cluster-resources', '--exclude-namespaces', 'kube-*'],
  ['--selector', 'app=web'],
  [
    '--include-namespace-scoped-resources',
    'configmaps,serviceaccounts',
    '--include-cluster-scoped-resources',
    'clusterroles',
  ],
]

test('a dry run takes what the run takes, and has one decision for every object of the cluster', async () => {
  await using cluster = await ownCluster()
  const { kube, kubeconfigPath } = cluster
  await using namespace = await testNamespace(kube)
  await using store = await scratchFolder()
  const labelled = (name: string, labels: Record<string, string>): Promise<KubeObject> =>
    make(kube, ConfigMaps, { namespace: namespace.name, name, metadata: { labels } })
  await labelled('web', { app: 'web' })
  await labelled('other', {})
  await labelled('secret', { 'velero.io/exclude-from-backup': 'true' })
  const run = (...args: string[]): Promise<CliResult> =>
    cli(args, { env: { KUBECONFIG: kubeconfigPath, LIFEBOAT_STORE: store.path } })
  for (const [index, flags] of filters(namespace.name).entries()) {
    const before = await everything(kube)
    const dry = await run('backup', 'create', 'dry', '--dry-run', '-o', 'json', ...flags)
    assert.equal(dry.code, 0, dry.stderr)
    const { objects, types } = JSON.parse(dry.stdout) as PreviewDocument
    const made = await run('backup', 'create', `run-${index}`, ...flags)
    assert.equal(made.code, 0, made.stderr)
    const archived = [...(await readBackup(fileStore(store.path), `run-${index}`)).objects.keys()]
    const after = await everything(kube)
    // A young cluster's controllers still make and remove objects: only what was there all the time was there for both.
    const isLasting = (path: string): boolean => before.has(path) && before.get(path)?.uid === after.get(path)?.uid
    const lasting = objects.filter((one) => isLasting(pathOf(one)))
    const taken = lasting.filter(({ decision }) => decision === 'take').map(pathOf)
    assert.notEqual(taken.length, 0)
    assert.deepEqual(taken.toSorted(), archived.filter(isLasting).toSorted(), flags.join(' '))
    const hidden = new Set(types.map(({ resource }) => resource))
    assert.deepEqual(
      lasting.map((one) => `${one.apiVersion} ${pathOf(one)}`).toSorted(),
      [...before]
        .filter(([path]) => isLasting(path) && !hidden.has(path.split('/')[1] ?? ''))
        .map(([path, { apiVersion }]) => `${apiVersion} ${path}`)
        .toSorted(),
      flags.join(' '),
    )
    assert.deepEqual(
      objects.filter((one) => one.decision === 'leave' && (one.reason ?? '') === ''),
      [],
    )
    const secret = objects.find((one) => one.name === 'secret' && one.namespace === namespace.name)
    assert.equal(secret?.reason, 'labelled-out')
  }
})

test('a dry run writes nothing, sums up, and refuses what the run refuses', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using namespace = await testNamespace(kube)
  await using store = await scratchFolder()
  await make(kube, ConfigMaps, { namespace: namespace.name, name: 'prices' })
  const options = { env: { KUBECONFIG: kubeconfigPath, LIFEBOAT_STORE: store.path } }
  const dry = await cli(['backup', 'create', 'dry', '--dry-run', '--include-namespaces', namespace.name], options)
  assert.equal(dry.code, 0, dry.stderr)
  assert.match(dry.stdout, /^GOES IN +OBJECTS +BROUGHT BY OTHERS\n/)
  assert.match(dry.stdout, /^configmaps +\d+$/m)
  assert.match(dry.stdout, /in a namespace that the backup leaves out +\d+ +\d/)
  assert.match(dry.stdout, /\d+ objects would go in, [\d,]+ would stay out\. Nothing was written\.\n$/)
  const yaml = await cli(
    ['backup', 'create', 'dry', '--dry-run', '-o', 'yaml', '--include-namespaces', namespace.name],
    options,
  )
  assert.match(yaml.stdout, /^backup: dry\nobjects:\n- apiVersion: /)
  const refused = await cli(['backup', 'create', 'dry', '--dry-run', '--include-namespaces', 'no-such-one'], options)
  assert.equal(refused.code, 1)
  assert.match(refused.stderr, /there is no namespace "no-such-one"/)
  assert.deepEqual(await readdir(store.path), [])
})
