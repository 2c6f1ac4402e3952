import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { coloursOf } from '#cli/colour.ts'
import { command } from '#cli/command.ts'
import { prepareAssets, prepareNodeAssets } from '#cli/commands/asset-progress.ts'
import { print, type CliContext } from '#cli/context.ts'
import { demoEngine, restoreInWords } from '#cli/demo/engine.ts'
import { SHOP } from '#cli/demo/shop.ts'
import { openSteps, type Steps } from '#cli/demo/steps.ts'
import { FAILED, OK, type ExitCode } from '#cli/exit.ts'
import { toggle } from '#cli/flag.ts'
import { counted, formatMillis } from '#cli/units.ts'
import { loadKubeConfig } from '#kube/config.ts'
import { connect } from '#kube/connect.ts'
import { unlessAborted } from '#kube/unless-aborted.ts'
import { requireGroups } from '#sandbox/control-groups.ts'
import { stateHome } from '#sandbox/home.ts'
import { requireNodeRights } from '#sandbox/node.ts'
import { sandboxDown } from '#sandbox/sandbox-end.ts'
import { sandboxUp, type Sandbox } from '#sandbox/sandbox.ts'
import { csi, prepareStorage, startStorage, type StoragePrograms } from '../../test/support/csi/storage.ts'
import { deleteDatabase, differences, frozenAt, openDatabase, readBooks, untilOpen, type Books } from './database.ts'

/** `npm start -- --with-volumes`: the data of a database lost and brought back, on a real node with a CSI driver. */
export const volumeDemo = command({
  path: ['demo'],
  summary:
    'See it work with volumes: a throw-away cluster with a node, a database, a backup, a disaster, a restore and the proof',
  flags: { 'with-volumes': toggle('with a node and a database on two volumes (Linux, as root)') },
  async run({ context }): Promise<ExitCode> {
    const { env, signal } = context
    requireNodeRights()
    await requireGroups()
    const node = await prepareNodeAssets(context)
    const assets = await prepareAssets(context)
    const programs = await prepareStorage(signal)
    const steps = openSteps(context)
    const directory = await mkdtemp(join(tmpdir(), 'lifeboat-demo-'))
    const place = { name: `demo-${process.pid}`, home: stateHome(env) }
    try {
      const sandbox = await steps.run(
        'Start a throw-away Kubernetes',
        () => sandboxUp({ ...place, assets, node, owned: true, signal }),
        ({ server }) => `${server}, with a node`,
      )
      return (await playThrough({ context, steps, directory, sandbox, programs })) ? OK : FAILED
    } finally {
      await sandboxDown(place)
      await rm(directory, { recursive: true, force: true })
    }
  },
})

interface Play {
  readonly context: CliContext
  readonly steps: Steps
  /** For the backup. */
  readonly directory: string
  readonly sandbox: Sandbox
  readonly programs: StoragePrograms
}

/** The story. Resolves to whether every byte came back. */
async function playThrough(play: Play): Promise<boolean> {
  const { context, steps, directory, sandbox, programs } = play
  const { signal } = context
  const { node, stateDir } = sandbox
  if (node === undefined) throw new Error('the sandbox has no node')
  const config = await loadKubeConfig({ env: {}, home: context.home, kubeconfig: sandbox.kubeconfigPath })
  await using engine = demoEngine(context, { directory, connectNew: async () => connect(config) })
  const kube = connect(config)
  try {
    await steps.run(
      'Give it storage',
      () => unlessAborted(startStorage(kube, { node, stateDir }, programs), signal),
      () => `CSI driver ${csi.driver}, its sidecars, snapshot-controller`,
    )
    await steps.run(
      'Open a shop with a database',
      () => openDatabase(kube, signal),
      () => 'two volumes, data and journal; orders come in all the time',
    )
    await steps.run(
      'Back it up meanwhile',
      () => engine.backUp(SHOP),
      ({ status }) =>
        `${status?.phase}: ${counted(status?.progress?.itemsBackedUp ?? 0, 'object')} in ${directory}, ${counted(status?.csiVolumeSnapshotsCompleted ?? 0, 'snapshot')} in the storage`,
    )
    const frozen = await frozenAt(kube, signal)
    const lost = await readBooks(kube, signal)
    await steps.run(
      'Disaster: delete the shop',
      () => deleteDatabase(kube, signal),
      () => `its volumes are gone, with ${counted(ordersIn(lost), 'order')}`,
    )
    // The types of snapshots are still there, which would be a warning for each.
    await steps.run('Restore it', () => engine.restore(['customresourcedefinitions']), restoreInWords)
    const back = await steps.run(
      'Read what came back',
      async () => {
        await untilOpen(kube, signal)
        return await readBooks(kube, signal)
      },
      (books) => `${counted(ordersIn(books), 'order')}; the hooks stopped the database at ${frozen}`,
    )
    return tell(context, { lost, back, frozen, elapsed: steps.elapsed })
  } finally {
    await kube.close()
  }
}

function tell(
  context: CliContext,
  { lost, back, frozen, elapsed }: { lost: Books; back: Books; frozen: number; elapsed: number },
): boolean {
  const colours = coloursOf(context)
  const problems = differences(lost, back, frozen)
  const sentence = `${3 - problems.length} of 3 files identical, byte by byte`
  const where = problems.length === 0 ? `, both volumes at order ${frozen}` : ''
  const coloured = problems.length === 0 ? colours.bold(colours.green(sentence)) : colours.red(sentence)
  print(context, `\n${coloured}${where}, after ${formatMillis(elapsed)}`)
  for (const problem of problems) print(context, `  ${problem}`)
  print(context, `\n${whatDidIt}`)
  return problems.length === 0
}

function ordersIn({ data }: Books): number {
  return data.split('\n').length - 1
}

const whatDidIt = `It took CSI snapshots (docs/volumes.md) and two hooks in the annotations of the pod (docs/hooks.md). Your own volumes:

  npx lifeboat --store ./backups volume list`
