import { givenBack, recordOf } from '#install/adoption.ts'
import { InstallError } from '#install/error.ts'
import { serverName } from '#install/installation.ts'
import { changeServers, installedServer, lookAround, removeService, type Surroundings } from '#install/take-over.ts'
import { openCluster, serverNamespace } from '../connection.ts'
import { print, type CliContext } from '../context.ts'
import { OK, type ExitCode } from '../exit.ts'
import { deploymentChanges } from './deployment-changes.ts'
import type { UninstallFlags } from './uninstall.ts'

const STOP_SECONDS = 180

/** `uninstall --give-back`: makes an adopted Deployment what it was before. Nothing else is taken away but the Service that was added. */
export async function uninstallGiveBack(flags: UninstallFlags, context: CliContext): Promise<ExitCode> {
  const namespace = serverNamespace(context, flags)
  const { signal } = context
  const kube = await openCluster(context, flags)
  try {
    const now = await installedServer(kube, namespace, signal)
    const [wanted, record] = [givenBack(now), recordOf(now)]
    if (wanted === undefined || record === undefined)
      throw new InstallError(
        'refused',
        `Deployment ${namespace}/${serverName} was not adopted: there is nothing to give it back to`,
      )
    const around = await lookAround(kube, namespace, signal)
    print(context, deploymentChanges(now, wanted, context))
    for (const remark of remarksOn(around)) print(context, `note: ${remark}`)
    if (flags['dry-run'] === true) return OK
    refuseWhileWorking(around, flags.force === true)
    // First, since an interrupted way back is gone again only as long as the Deployment is adopted.
    await removeService(kube, { namespace, signal })
    await changeServers(kube, { wanted, record }, { namespace, signal, seconds: STOP_SECONDS })
    print(
      context,
      `Deployment ${namespace}/${serverName} is what it was before Lifeboat; custom resource definitions stay as they are.`,
    )
    return OK
  } finally {
    await kube.close()
  }
}

/** Velero fails whatever it finds in progress when it starts. */
function refuseWhileWorking({ inProgress }: Surroundings, force: boolean): void {
  if (inProgress.length === 0 || force) return
  throw new InstallError(
    'refused',
    `nothing was changed: ${inProgress.join(', ')} in progress would end as Failed; wait, or add --force`,
  )
}

function remarksOn({ locations }: Surroundings): string[] {
  return locations
    .filter(({ provider }) => provider === 'lifeboat.dev/file')
    .map(({ name }) => `location ${name} is a directory, which the server of before does not know`)
}
