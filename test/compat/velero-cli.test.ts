// Velero's command line and ours, in front of the same objects and files.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { commands } from '#cli/commands.ts'
import type { KubeObject } from '#kube/object.ts'
import { scratchFolder } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { installKinds, startServer } from '../support/server.ts'
import { veleroClient } from '../support/velero.ts'
import { comparable, openBothClients, outline } from './beside-velero.ts'
import { furnishShowroom } from './described-backups.ts'

/** As `comparable`, for JSON; groups of copies have no order in Velero's. */
function comparableJson(text: string): unknown {
  return JSON.parse(comparable(text).join('\n'), (key, value: unknown) => {
    if (!Array.isArray(value) || !/^[A-Z][a-z]/.test(key)) return value
    return value.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
  })
}

test('velero and lifeboat list and describe backups alike, as text and as JSON', async (context) => {
  await using clients = await openBothClients(furnishShowroom)
  const { names, both } = clients

  for (const details of [[], ['--details']]) {
    await context.test(`backup describe ${details.join('')}`, async () => {
      const [ours, theirs] = await both('backup', 'describe', ...names, ...details)
      assert.deepEqual(comparable(ours), comparable(theirs))
    })
  }
  for (const args of [['rich'], ...names.map((name) => [name, '--details'])]) {
    await context.test(`backup describe ${args.join(' ')} -o json`, async () => {
      const [ours, theirs] = await both('backup', 'describe', ...args, '-o', 'json')
      assert.deepEqual(comparableJson(ours), comparableJson(theirs))
    })
  }
  const listings = [
    [],
    ['rich', 'queued'],
    ['-l', 'example.com/run=yes'],
    ['-L', 'team,example.com/ric', '--show-labels'],
  ]
  for (const args of listings) {
    await context.test(`backup get ${args.join(' ')}`, async () => {
      const [ours, theirs] = await both('backup', 'get', ...args)
      const words = (text: string): string[] => comparable(text).map((line) => line.replaceAll(/ {2,}/g, '  '))
      assert.deepEqual(words(ours), words(theirs))
    })
  }
  for (const args of [[], ['rich'], ['-l', 'no=such']]) {
    await context.test(`backup get ${args.join(' ')} -o json`, async () => {
      const [ours, theirs] = await both('backup', 'get', ...args, '-o', 'json')
      assert.deepEqual(outline(ours), outline(theirs))
    })
  }
})

/** The names of the flags in a help text of Velero's. */
function flagsIn(help: string): string[] {
  return [...help.matchAll(/^ +(?:-\w, )?--([a-z_-]+)/gm)].map(([, name = '']) => name).toSorted()
}

test('every flag of velero’s backup commands is taken by ours', async () => {
  await using folder = await scratchFolder()
  const velero = await veleroClient({ kubeconfigPath: '/nonexistent', directory: folder.path })
  for (const verb of ['create', 'get', 'describe', 'logs', 'download', 'delete']) {
    const ours = commands.find(({ path }) => path.join(' ') === `backup ${verb}`)?.flags ?? {}
    const theirs = flagsIn(await velero('backup', verb, '--help')).filter((name) => name !== 'help')
    assert.ok(theirs.length > 15, verb)
    assert.deepEqual(
      theirs.filter((name) => !Object.hasOwn(ours, name)),
      [],
      verb,
    )
  }
})

test('a Deployment of Velero starts our server with the arguments it has', async () => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using _connection = { [Symbol.asyncDispose]: () => kube.close() }
  await using home = await testNamespace(kube)
  await using folder = await scratchFolder()
  await installKinds(kube)
  const velero = await veleroClient({ kubeconfigPath, directory: folder.path })
  const asked = [
    ['--provider', 'aws', '--plugins', 'a/b:1', '--bucket', 'b', '--no-secret', '--use-volume-snapshots=false'],
    ['--features=EnableCSI,EnableAPIGroupVersions', '--default-volumes-to-fs-backup', '--use-node-agent'],
    ['--garbage-collection-frequency', '1h', '--default-repo-maintain-frequency', '2h'],
    ['--pod-volume-operation-timeout', '3h', '--disable-informer-cache', '--default-snapshot-move-data'],
    ['--schedule-skip-immediately', '--item-block-worker-count', '4', '--concurrent-backups', '2'],
  ]
  const printed = await velero('install', ...asked.flat(), '--dry-run', '-o', 'json')
  const { items } = JSON.parse(printed) as { items: KubeObject[] }
  const deployment = items.find(({ kind }) => kind === 'Deployment')
  assert.ok(deployment !== undefined)
  const { template } = deployment['spec'] as { template: { spec: { containers: { args: string[] }[] } } }
  const [word, ...args] = template.spec.containers[0]?.args ?? []
  assert.equal(word, 'server')
  assert.ok(args.length >= 11, args.join(' '))
  await using server = startServer({ kubeconfigPath, namespace: home.name, args })
  await server.leads()
  assert.equal(await server.end('SIGTERM'), 0)
})
