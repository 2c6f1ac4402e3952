import { allCrds } from '#api/crd.ts'
import { installationObjects, type Installed } from '#install/installation.ts'
import { putDefinitions, putObjects, refuseOtherServer, type Put } from '#install/put.ts'
import { untilRolledOut } from '#install/rollout.ts'
import { command } from '../command.ts'
import { openCluster, serverNamespace } from '../connection.ts'
import { note, print, type CliContext } from '../context.ts'
import { OK } from '../exit.ts'
import { printDocument, toYaml } from '../output.ts'
import { installAdopt } from './install-adopt.ts'
import { checkInstallFlags, installFlags, type InstallFlags } from './install-flags.ts'
import { installationFrom } from './installation-from-flags.ts'

const WAIT_SECONDS = 180

export const install = command({
  path: ['install'],
  summary: 'Install the server and the custom resources, or with --crds-only these alone',
  flags: installFlags,
  examples: [
    'lifeboat install --provider aws --bucket backups --backup-location-config region=eu-west-1 --secret-file ./credentials --image IMAGE --wait',
    'lifeboat install --provider aws --bucket backups --no-secret --sa-annotations eks.amazonaws.com/role-arn=ARN --least-privilege --image IMAGE',
    'lifeboat install --adopt --image IMAGE --dry-run',
    'lifeboat install --crds-only --dry-run -o yaml',
  ],
  async run({ flags: given, context }) {
    if (given.adopt === true) return await installAdopt(given, context)
    checkInstallFlags(given)
    const objects = given['crds-only'] === true ? [] : installationObjects(await installationFrom(given, context))
    printWanted(objects, given, context)
    if (given['dry-run'] !== true) await putAll(objects, given, context)
    return OK
  },
})

/** The objects themselves, where they are asked for: definitions first, as they are put. */
function printWanted(objects: readonly Installed[], given: InstallFlags, context: CliContext): void {
  const { output = given['dry-run'] === true ? 'yaml' : undefined } = given
  if (output === undefined) return
  const items = [...allCrds(), ...objects.map(({ object }) => object)]
  if (output === 'json') printDocument(context, { apiVersion: 'v1', kind: 'List', items }, 'json')
  else print(context, items.map(toYaml).join('---\n'))
}

async function putAll(objects: readonly Installed[], given: InstallFlags, context: CliContext): Promise<void> {
  const { signal } = context
  const namespace = serverNamespace(context, given)
  // A reader of the objects gets nothing else.
  const say = (text: string): void => (given.output === undefined ? print : note)(context, text)
  const onPut = (what: string, put: Put): void => say(`${what}: ${sentences[put]}`)
  const kube = await openCluster(context, given)
  try {
    if (objects.length > 0) await refuseOtherServer(kube, namespace, signal)
    await putDefinitions(kube, { signal, onPut })
    if (objects.length === 0) {
      say('The custom resources are ready. Start the server with: lifeboat server')
      return
    }
    await putObjects(kube, objects, { signal, onPut, update: given.apply === true })
    if (given.wait === true) await untilRolledOut(kube, { namespace, seconds: WAIT_SECONDS, signal })
    say(
      given.wait === true
        ? `Lifeboat is installed in namespace ${namespace}, and the server is available.`
        : `Lifeboat is installed. See how it starts with: kubectl --namespace ${namespace} get pods --selector deploy=velero`,
    )
  } finally {
    await kube.close()
  }
}

const sentences: Readonly<Record<Put, string>> = {
  created: 'created',
  changed: 'changed',
  unchanged: 'unchanged',
  left: 'already exists, left as it is (--apply brings it up to date)',
}
