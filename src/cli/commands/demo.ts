import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import { loadKubeConfig } from '#kube/config.ts'
import { connect } from '#kube/connect.ts'
import { apiVersionOf, resourceName, type KubeObject, type ServedType } from '#kube/object.ts'
import { stateHome } from '#sandbox/home.ts'
import { sandboxUp } from '#sandbox/sandbox.ts'
import { coloursOf } from '../colour.ts'
import { command } from '../command.ts'
import { print, type CliContext } from '../context.ts'
import { demoEngine, restoreInWords } from '../demo/engine.ts'
import { shopDefinitions, shopObjects, SHOP } from '../demo/shop.ts'
import { snapshotDifferences, takeSnapshot, type Snapshot } from '../demo/snapshot.ts'
import { openSteps, type Steps } from '../demo/steps.ts'
import { FAILED, OK, UserError, type ExitCode } from '../exit.ts'
import { toggle } from '../flag.ts'
import { formatMillis } from '../units.ts'
import { prepareAssets } from './asset-progress.ts'

const SETTLE_MS = 20_000

export const demo = command({
  path: ['demo'],
  summary: 'See it work: a throw-away cluster, a shop, a backup, a disaster, a restore and the proof',
  flags: { keep: toggle('leave the cluster and the backup for a look around') },
  async run({ flags, context }): Promise<ExitCode> {
    const { env, signal } = context
    const assets = await prepareAssets(context)
    const steps = openSteps(context)
    const directory = await mkdtemp(join(tmpdir(), 'lifeboat-demo-'))
    const name = `demo-${process.pid}`
    const up = (): ReturnType<typeof sandboxUp> =>
      sandboxUp({ name, home: stateHome(env), assets, owned: flags.keep !== true, signal })
    const sandbox = await steps.run('Start a throw-away Kubernetes', up, ({ server }) => server)
    try {
      const config = await loadKubeConfig({ env: {}, home: context.home, kubeconfig: sandbox.kubeconfigPath })
      const proved = await playThrough({ context, steps, directory, connectNew: async () => connect(config) })
      print(context, '')
      print(context, flags.keep === true ? whereItIs(sandbox.kubeconfigPath, directory, name) : whatNext())
      return proved ? OK : FAILED
    } finally {
      if (flags.keep !== true) {
        await sandbox[Symbol.asyncDispose]()
        await rm(directory, { recursive: true, force: true })
      }
    }
  },
})

interface Play {
  readonly context: CliContext
  readonly steps: Steps
  readonly directory: string
  readonly connectNew: () => Promise<KubeClient>
}

/** The story. Resolves to whether everything came back. */
async function playThrough(play: Play): Promise<boolean> {
  const { context, steps, directory, connectNew } = play
  const { signal } = context
  const kube = await connectNew()
  await using engine = demoEngine(context, play)
  try {
    await steps.run(
      'Open a shop',
      () => openShop(kube, signal),
      (count) => `${count} objects applied`,
    )
    const before = await steps.run(
      'Let it settle',
      () => settled(kube, signal),
      ({ size }) => `${size} objects of the shop`,
    )
    await steps.run(
      'Back it up',
      () => engine.backUp(SHOP),
      (backup) => `${backup.status?.progress?.itemsBackedUp} objects in ${directory}`,
    )
    await steps.run(
      'Disaster: delete the shop',
      () => deleteShop(kube, signal),
      () => 'namespace, custom types and roles are gone',
    )
    await steps.run('Restore it', () => engine.restore(), restoreInWords)
    const differences = await steps.run(
      'Compare object by object',
      () => compare(kube, before, signal),
      () => '',
    )
    return tell(context, { before, differences, elapsed: steps.elapsed })
  } finally {
    await kube.close()
  }
}

function tell(
  context: CliContext,
  result: { before: Snapshot; differences: readonly string[]; elapsed: number },
): boolean {
  const { before, differences, elapsed } = result
  const colours = coloursOf(context)
  const identical = before.size - differences.filter((line) => !line.startsWith('new')).length
  const sentence = `${identical} of ${before.size} objects identical`
  print(
    context,
    `\n${differences.length === 0 ? colours.bold(colours.green(sentence)) : colours.red(sentence)}, after ${formatMillis(elapsed)}`,
  )
  for (const line of differences) print(context, `  ${line}`)
  return differences.length === 0
}

async function openShop(kube: KubeClient, signal: AbortSignal): Promise<number> {
  const definitions = shopDefinitions()
  await applyAll(kube, definitions, signal)
  await untilServed(kube, definitions, signal)
  const objects = shopObjects()
  await applyAll(kube, objects, signal)
  return definitions.length + objects.length
}

async function applyAll(kube: KubeClient, objects: readonly KubeObject[], signal: AbortSignal): Promise<void> {
  const { types } = await kube.discover({ signal })
  for (const object of objects) {
    await kube.apply(typeOf(types, object), object, {
      fieldManager: 'lifeboat-demo',
      namespace: object.metadata.namespace,
      signal,
    })
  }
}

async function untilServed(kube: KubeClient, definitions: readonly KubeObject[], signal: AbortSignal): Promise<void> {
  for (;;) {
    const { types } = await kube.discover({ signal })
    const served = new Set(types.map((type) => resourceName(type)))
    if (definitions.every(({ metadata }) => served.has(metadata.name))) return
    await sleep(100, undefined, { signal })
  }
}

function typeOf(types: readonly ServedType[], object: KubeObject): ServedType {
  const type = types.find(
    (candidate) => candidate.kind === object.kind && apiVersionOf(candidate) === object.apiVersion,
  )
  if (type === undefined) throw new UserError(`the sandbox does not serve ${object.apiVersion} ${object.kind}`)
  return type
}

/** Waits until the controllers have made what they make of the shop: two equal looks a second apart. */
async function settled(kube: KubeClient, signal: AbortSignal): Promise<Snapshot> {
  let last = await look(kube, signal)
  for (;;) {
    await sleep(1000, undefined, { signal })
    const current = await look(kube, signal)
    if (snapshotDifferences(last, current).length === 0) return current
    last = current
  }
}

function look(kube: KubeClient, signal: AbortSignal): Promise<Snapshot> {
  const clusterScoped = [...shopDefinitions(), ...shopObjects()].filter(
    ({ metadata }) => metadata.namespace === undefined,
  )
  return takeSnapshot(kube, { namespace: SHOP, clusterScoped, signal })
}

async function deleteShop(kube: KubeClient, signal: AbortSignal): Promise<void> {
  const { types } = await kube.discover({ signal })
  const lost = [...shopDefinitions(), ...shopObjects()].filter(({ metadata }) => metadata.namespace === undefined)
  for (const object of lost) await kube.delete(typeOf(types, object), object.metadata.name, { signal })
  while ((await look(kube, signal)).size > 0) await sleep(200, undefined, { signal })
}

/** Controllers need a moment to take the restored objects over; what still differs after that differs. */
async function compare(kube: KubeClient, before: Snapshot, signal: AbortSignal): Promise<string[]> {
  const deadline = performance.now() + SETTLE_MS
  for (;;) {
    const differences = snapshotDifferences(before, await look(kube, signal))
    if (differences.length === 0 || performance.now() > deadline) return differences
    await sleep(250, undefined, { signal })
  }
}

function whatNext(): string {
  return `Now your own cluster, without installing anything:

  npx lifeboat --store ./backups backup create first --include-namespaces NAMESPACE
  npx lifeboat --store ./backups backup describe first --details
  npx lifeboat --store ./backups restore create --from-backup first --namespace-mappings NAMESPACE:NAMESPACE-copy`
}

function whereItIs(kubeconfig: string, directory: string, name: string): string {
  return `The cluster and the backup are still there:

  export KUBECONFIG=${kubeconfig}
  lifeboat --store ${directory} backup describe demo --details
  lifeboat sandbox down --name ${name}`
}
