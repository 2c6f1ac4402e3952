import { allCrds, CustomResourceDefinitions } from '#api/crd.ts'
import { command } from '../command.ts'
import { clusterFlags, openCluster } from '../connection.ts'
import { print } from '../context.ts'
import { OK, USAGE, UserError } from '../exit.ts'
import { toggle, choice } from '../flag.ts'
import { printDocument, toYaml } from '../output.ts'
import { untilServed } from './until-served.ts'

const FIELD_MANAGER = 'lifeboat-cli'

export const install = command({
  path: ['install'],
  summary: 'Install the custom resources (the server itself: run `lifeboat server`)',
  flags: {
    ...clusterFlags,
    'crds-only': toggle('install the custom resource definitions and nothing else'),
    'dry-run': toggle('print what would be installed; change nothing'),
    output: choice('how to print the objects', ['json', 'yaml'], { short: 'o' }),
  },
  examples: ['lifeboat install --crds-only', 'lifeboat install --crds-only --dry-run -o yaml'],
  async run({ flags, context }) {
    if (flags['crds-only'] !== true) {
      throw new UserError(
        'this version installs the custom resources only: add --crds-only, then start `lifeboat server`',
        { exitCode: USAGE },
      )
    }
    const crds = allCrds()
    if (flags.output === 'json') printDocument(context, { apiVersion: 'v1', kind: 'List', items: crds }, 'json')
    if (flags.output === 'yaml' || (flags['dry-run'] === true && flags.output === undefined))
      print(context, crds.map(toYaml).join('---\n'))
    if (flags['dry-run'] === true) return OK
    const kube = await openCluster(context, flags)
    try {
      for (const crd of crds) {
        // Force: fields that Velero's installer owns are the same in ours; taking them over is what an upgrade in place means.
        await kube.apply(CustomResourceDefinitions, crd, {
          fieldManager: FIELD_MANAGER,
          force: true,
          signal: context.signal,
        })
        if (flags.output === undefined) print(context, `CustomResourceDefinition/${crd.metadata.name}: applied`)
      }
      await untilServed(
        kube,
        crds.map((crd) => crd.metadata.name),
        context.signal,
      )
    } finally {
      await kube.close()
    }
    if (flags.output === undefined)
      print(context, `${crds.length} custom resources are ready. Start the server with: lifeboat server`)
    return OK
  },
})
