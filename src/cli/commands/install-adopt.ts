import { adoption, ourImage, recordOf, type Adoption } from '#install/adoption.ts'
import { InstallError } from '#install/error.ts'
import { serverName } from '#install/installation.ts'
import { putDefinitions } from '#install/put.ts'
import { untilRolledOut } from '#install/rollout.ts'
import {
  addService,
  changeServers,
  installedServer,
  lookAround,
  writeServer,
  type Surroundings,
} from '#install/take-over.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { openCluster, serverNamespace } from '../connection.ts'
import { note, print, type CliContext } from '../context.ts'
import { OK, USAGE, UserError, type ExitCode } from '../exit.ts'
import { printDocument } from '../output.ts'
import { deploymentChanges } from './deployment-changes.ts'
import type { InstallFlags } from './install-flags.ts'
import { knownServerFlags, refusedServerWord } from './known-server-flags.ts'

const STOP_SECONDS = 180

/** What may stand beside `--adopt`: everything else stays as the Deployment says. */
const allowed = new Set([
  'adopt',
  'image',
  'namespace',
  'dry-run',
  'output',
  'wait',
  'kubeconfig',
  'kubecontext',
  'colorized',
  'features',
])

/** `install --adopt`: puts our server into the Deployment of a running Velero, or says what that would change. */
export async function installAdopt(given: InstallFlags, context: CliContext): Promise<ExitCode> {
  for (const [name, value] of Object.entries(given)) {
    if (value !== undefined && !allowed.has(name) && !knownServerFlags.idle.has(name))
      throw new UserError(`--${name} cannot be used with --adopt: all but the image stays as it is`, {
        exitCode: USAGE,
      })
  }
  const namespace = serverNamespace(context, given)
  const { signal } = context
  const kube = await openCluster(context, given)
  try {
    const before = await installedServer(kube, namespace, signal)
    const plan = planned(before, given)
    const around = await lookAround(kube, namespace, signal)
    // A reader of the object gets nothing else.
    const say = (text: string): void => (given.output === undefined ? print : note)(context, text)
    if (given.output !== undefined) printDocument(context, plan.deployment, given.output)
    else print(context, deploymentChanges(before, plan.deployment, context))
    for (const remark of [...plan.remarks, ...remarksOn(around)]) say(`note: ${remark}`)
    if (given['dry-run'] === true) return OK
    await adopt(kube, plan, { context, namespace })
    if (given.wait === true) await untilRolledOut(kube, { namespace, seconds: STOP_SECONDS, signal })
    const back = recordOf(plan.deployment) === undefined ? '' : ' Going back: lifeboat uninstall --give-back'
    say(`Deployment ${namespace}/${serverName} runs Lifeboat.${back}`)
    return OK
  } finally {
    await kube.close()
  }
}

type Plan = Exclude<Adoption, { how: 'refuse' }>

/** Throws InstallError 'refused' where our server would not do what the one that is there does, UserError without an image. */
function planned(before: KubeObject, given: InstallFlags): Plan {
  const { name, namespace } = before.metadata
  const image = given.image ?? ourImage(before)
  // The server that works is stopped for it.
  if (image === undefined) throw new UserError('--image is needed with --adopt', { exitCode: USAGE })
  const plan = adoption(before, { image, flags: knownServerFlags })
  const reason = plan.how === 'refuse' ? plan.reason : refusedArgument(plan.deployment)
  if (plan.how !== 'refuse' && reason === undefined) return plan
  throw new InstallError('refused', `Deployment ${namespace}/${name} cannot be adopted: ${reason}; nothing was changed`)
}

function refusedArgument(deployment: KubeObject): string | undefined {
  const { template } = deployment['spec'] as { template: { spec: { containers: { args?: string[] }[] } } }
  const words = template.spec.containers.flatMap(({ args = [] }) => (args[0] === 'server' ? args.slice(1) : []))
  return words.map((word) => refusedServerWord(word)).find((reason) => reason !== undefined)
}

async function adopt(
  kube: KubeClient,
  plan: Plan,
  { context, namespace }: { context: CliContext; namespace: string },
): Promise<void> {
  const { signal } = context
  await putDefinitions(kube, { signal, onPut: () => undefined })
  const record = recordOf(plan.deployment)
  if (plan.how === 'ours' || record === undefined) await writeServer(kube, plan.deployment, { namespace, signal })
  else await changeServers(kube, { wanted: plan.deployment, record }, { namespace, signal, seconds: STOP_SECONDS })
  await addService(kube, plan.deployment, { namespace, signal })
}

function remarksOn({ inProgress, locations, hasService, nodeAgents }: Surroundings): string[] {
  const foreign = locations.filter(({ provider }) => !['aws', 'velero.io/aws', 'lifeboat.dev/file'].includes(provider))
  return [
    ...inProgress.map((what) => `${what} is in progress: Lifeboat takes it up, from its beginning`),
    ...foreign.map(
      ({ name, provider }) => `location ${name} will be Unavailable: Lifeboat does not know the provider ${provider}`,
    ),
    ...(hasService ? [] : ['Service lifeboat is added: by it files of backups come through the API server']),
    ...nodeAgents.map((name) => `DaemonSet ${name} stays as it is, with nothing to do: Lifeboat gives it no work`),
  ]
}
