// Every command that prints objects prints them for programs too.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { cli, scratchFolder, type CliResult } from '../support/cli.ts'
import { sharedCluster, testNamespace } from '../support/cluster.ts'
import { ConfigMaps, make } from '../support/objects.ts'
import { printingCommands } from '../support/printing-commands.ts'
import { installKinds, letRestoresGo, makeLocation, startServer } from '../support/server.ts'

test('whatever is listed, described or made comes as JSON and as YAML, one and the same', async (context) => {
  const { kube, kubeconfigPath } = await sharedCluster()
  await using _connection = { [Symbol.asyncDispose]: () => kube.close() }
  await using home = await testNamespace(kube)
  await using shop = await testNamespace(kube)
  await using folder = await scratchFolder()
  const namespace = home.name
  await installKinds(kube)
  await make(kube, ConfigMaps, { name: 'prices', namespace: shop.name, data: { apple: '1' } })
  await makeLocation(kube, namespace, { path: join(folder.path, 'store') })
  await using server = startServer({ kubeconfigPath, namespace })
  await server.leads()
  await using _free = { [Symbol.asyncDispose]: () => letRestoresGo(kube, namespace) }
  const env = { KUBECONFIG: kubeconfigPath, VELERO_NAMESPACE: namespace, XDG_STATE_HOME: folder.path, FORCE_COLOR: '1' }
  const run = (...args: string[]): Promise<CliResult> => cli(args, { env, cwd: folder.path })
  const done = async (...args: string[]): Promise<void> => {
    const { code, stderr } = await run(...args)
    assert.equal(code, 0, stderr)
  }
  await done('backup', 'create', 'one', '--include-namespaces', shop.name, '--wait')
  await done('restore', 'create', 'back', '--from-backup', 'one', '--wait')
  await done('schedule', 'create', 'nightly', '--schedule', '0 1 * * *')

  const furnished = { shop: shop.name, backup: 'one', restore: 'back', schedule: 'nightly' }
  for (const [words, args] of Object.entries(printingCommands(furnished))) {
    await context.test(words, async () => {
      const asked = [...words.split(' '), ...args, '-o']
      const [asJson, asYaml] = await Promise.all([run(...asked, 'json'), run(...asked, 'yaml')])
      for (const { code, stderr } of [asJson, asYaml]) {
        // What was compared or checked up may not be as it should.
        assert.ok([0, 4, 5].includes(code ?? -1), stderr)
      }
      const document: unknown = JSON.parse(asJson.stdout)
      assert.equal(typeof document, 'object')
      const read = parseAllDocuments(asYaml.stdout).map((one) => one.toJS() as unknown)
      assert.deepEqual(read.map(shapeOf), shapesOf(document, read.length))
      // eslint-disable-next-line no-control-regex
      assert.doesNotMatch(asJson.stdout, /\u001B/)
    })
  }
})

/** The keys of a document: times and ages differ from one call to the next. */
function shapeOf(document: unknown): unknown {
  if (typeof document !== 'object' || document === null) return typeof document
  return Object.keys(document).toSorted()
}

/** A list is one document in JSON, and may be several in YAML. */
function shapesOf(document: unknown, documents: number): unknown[] {
  if (documents === 1) return [shapeOf(document)]
  return (document as { items: unknown[] }).items.map(shapeOf)
}
