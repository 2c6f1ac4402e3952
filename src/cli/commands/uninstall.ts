import { planRemoval, removeInstallation, type Removal } from '#install/remove.ts'
import { command } from '../command.ts'
import { installationFlags, openCluster, serverNamespace } from '../connection.ts'
import { print } from '../context.ts'
import { OK, USAGE, UserError } from '../exit.ts'
import { toggle, type FlagValues } from '../flag.ts'
import { uninstallGiveBack } from './uninstall-give-back.ts'

const STEP_SECONDS = 180

const flags = {
  ...installationFlags,
  force: toggle('do not ask'),
  'give-back': toggle('only undo install --adopt: the Deployment becomes what it was, and everything stays'),
  'dry-run': toggle('with --give-back: print what would change; change nothing'),
  wait: toggle('without effect: it always waits', { hidden: true }),
}

/** What was given to `uninstall`. */
export type UninstallFlags = FlagValues<typeof flags>

export const uninstall = command({
  path: ['uninstall'],
  summary:
    'Take the server and the custom resources away, with all Backup, Restore and Schedule objects; stores are not touched',
  flags,
  examples: [
    'lifeboat uninstall',
    'lifeboat uninstall --namespace backups --force',
    'lifeboat uninstall --give-back --dry-run',
  ],
  async run({ flags, context }) {
    if (flags['give-back'] === true) return await uninstallGiveBack(flags, context)
    if (flags['dry-run'] === true)
      throw new UserError('--dry-run needs --give-back: without it, uninstall says what it takes away, and asks', {
        exitCode: USAGE,
      })
    const namespace = serverNamespace(context, flags)
    const kube = await openCluster(context, flags)
    const { signal } = context
    try {
      const removal = await planRemoval(kube, namespace, signal)
      if (flags.force !== true) {
        if (!context.terminal.stdin)
          throw new UserError('nothing was removed: add --force to go ahead without a question')
        const answer = await context.ask(`${question(removal)} in ${kube.server}? (y/N) `)
        if (!/^y(es)?$/i.test(answer.trim())) throw new UserError('nothing was removed')
      }
      const onRemoved = (what: string): void => print(context, `${what}: removed`)
      await removeInstallation(kube, removal, { signal, seconds: STEP_SECONDS, onRemoved })
      print(context, ending(removal))
      return OK
    } finally {
      await kube.close()
    }
  },
})

function question({ namespace, wholeNamespace, others }: Removal): string {
  const place = wholeNamespace
    ? `namespace ${namespace} with everything in it`
    : `the server and all its objects from namespace ${namespace}`
  return `Remove ${place}${others.length === 0 ? ', and the custom resource definitions' : ''}`
}

function ending({ namespace, wholeNamespace, others }: Removal): string {
  const kept = wholeNamespace ? [] : [`Namespace ${namespace} was not made by an installer and stays.`]
  if (others.length > 0)
    kept.push(`The custom resource definitions stay: there are servers in ${others.join(', ')} too.`)
  return ['Lifeboat is uninstalled; backups in stores are still there.', ...kept].join('\n')
}
