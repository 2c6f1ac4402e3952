import { readFile } from 'node:fs/promises'
import { stateHome } from '#sandbox/home.ts'
import { listSandboxes, sandboxDown, sandboxStatus, type SandboxStatus } from '#sandbox/sandbox-end.ts'
import { sandboxUp } from '#sandbox/sandbox.ts'
import type { SandboxProgress } from '#sandbox/sandbox-start.ts'
import { requireNodeRights } from '#sandbox/node.ts'
import { colourPhase, coloursOf } from '../colour.ts'
import { command, type Command } from '../command.ts'
import { note, print, type CliContext } from '../context.ts'
import { FAILED, OK, UserError } from '../exit.ts'
import { text, toggle } from '../flag.ts'
import { outputFlag, printObjects } from '../output.ts'
import type { Column } from '../table.ts'
import { formatAge, formatMillis } from '../units.ts'
import { prepareAssets, prepareNodeAssets } from './asset-progress.ts'

const nameFlag = text('which sandbox (default "default")', { metavar: 'NAME' })
const DEFAULT_NAME = 'default'

const up = command({
  path: ['sandbox', 'up'],
  summary: 'Start a throw-away Kubernetes on this machine (etcd, API server, controllers)',
  flags: {
    name: nameFlag,
    node: toggle('with a node that runs pods: scheduler, kubelet, containerd (Linux, as root; no registry, no DNS)'),
  },
  examples: ['lifeboat sandbox up && export KUBECONFIG=$(lifeboat sandbox kubeconfig --path)'],
  async run({ flags, context }) {
    const { env, signal } = context
    const name = flags.name ?? DEFAULT_NAME
    if (flags.node === true) requireNodeRights()
    const assets = await prepareAssets(context)
    const node = flags.node === true ? await prepareNodeAssets(context) : undefined
    const began = performance.now()
    const sandbox = await sandboxUp({
      name,
      home: stateHome(env),
      assets,
      node,
      signal,
      progress: (event) => note(context, describe(event)),
    })
    print(
      context,
      `Sandbox ${name} is ready at ${sandbox.server} after ${formatMillis(performance.now() - began)}.\n` +
        `  export KUBECONFIG=${sandbox.kubeconfigPath}\n  lifeboat sandbox down${name === DEFAULT_NAME ? '' : ` --name ${name}`}   ends and removes it`,
    )
    return OK
  },
})

const down = command({
  path: ['sandbox', 'down'],
  summary: 'End a sandbox and remove all it holds',
  flags: { name: nameFlag, all: toggle('end every sandbox') },
  async run({ flags, context }) {
    const home = stateHome(context.env)
    const names =
      flags.all === true ? (await listSandboxes({ home })).map((one) => one.name) : [flags.name ?? DEFAULT_NAME]
    for (const name of names) {
      print(
        context,
        (await sandboxDown({ name, home })) ? `Sandbox ${name} ended and removed.` : `There is no sandbox ${name}.`,
      )
    }
    if (names.length === 0) print(context, 'There are no sandboxes.')
    return OK
  },
})

const status = command({
  path: ['sandbox', 'status'],
  summary: 'List sandboxes, or show one; the exit code is 1 unless all of them run',
  flags: { name: nameFlag, output: outputFlag() },
  async run({ flags, context }) {
    const home = stateHome(context.env)
    const sandboxes = flags.name === undefined ? await listSandboxes({ home }) : [await named(flags.name, home)]
    printObjects(context, sandboxes, {
      format: flags.output,
      columns: columns(context),
      none: 'There are no sandboxes. Start one with: lifeboat sandbox up',
    })
    return sandboxes.every((sandbox) => sandbox.condition === 'running') ? OK : FAILED
  },
})

const kubeconfig = command({
  path: ['sandbox', 'kubeconfig'],
  summary: 'Print the kubeconfig of a sandbox',
  flags: { name: nameFlag, path: toggle('print the path of the file instead') },
  async run({ flags, context }) {
    const { kubeconfigPath } = await named(flags.name ?? DEFAULT_NAME, stateHome(context.env))
    print(context, flags.path === true ? kubeconfigPath : await readFile(kubeconfigPath, 'utf8'))
    return OK
  },
})

/** `lifeboat sandbox …`. */
export const sandboxCommands: readonly Command[] = [up, down, status, kubeconfig]

async function named(name: string, home: string): Promise<SandboxStatus> {
  const sandbox = await sandboxStatus({ name, home })
  if (sandbox !== undefined) return sandbox
  const others = (await listSandboxes({ home })).map((one) => one.name)
  const hint = others.length === 0 ? 'start it with: lifeboat sandbox up' : `there are: ${others.join(', ')}`
  throw new UserError(`there is no sandbox ${name}; ${hint}`)
}

function describe({ program, step, elapsedMs }: SandboxProgress): string {
  return `${program} ${step === 'starting' ? 'started' : 'ready'} after ${formatMillis(elapsedMs)}`
}

function columns(context: CliContext): Column<SandboxStatus>[] {
  const now = context.now()
  return [
    { heading: 'NAME', text: ({ name }) => name },
    { heading: 'STATUS', text: ({ condition }) => colourPhase(condition, coloursOf(context)) },
    { heading: 'SERVER', text: ({ server }) => server },
    { heading: 'AGE', text: ({ created }) => formatAge(new Date(created), now) },
    { heading: 'ENDS WITH', text: ({ owned, owner }) => (owned ? `process ${owner}` : 'sandbox down') },
    { heading: 'ETCD', wide: true, text: ({ etcdUrl }) => etcdUrl },
    { heading: 'KUBECONFIG', wide: true, text: ({ kubeconfigPath }) => kubeconfigPath },
  ]
}
