import { command, type Command } from '../command.ts'
import { USAGE, UserError } from '../exit.ts'
import { passedOverFlags } from '../klog-flags.ts'
import { text, toggle } from '../flag.ts'

/** Commands of Velero's client that Lifeboat does not have, each with what to do instead. */
const ways: readonly { path: readonly string[]; args?: string; instead: string }[] = [
  {
    path: ['plugin', 'add'],
    args: '[image]',
    instead:
      "Lifeboat does not run images as plug-ins. Velero's plug-in for AWS is built in; code of your own is a module: lifeboat server --plugins (docs/plugins.md)",
  },
  {
    path: ['plugin', 'remove'],
    args: '[name]',
    instead: "plug-ins are named by the server's flag --plugins: take them out of its Deployment (docs/plugins.md)",
  },
  { path: ['bug'], instead: 'report what you saw together with the file that `lifeboat debug` makes' },
]

/** They are understood, so that a script made for Velero is told more than "unknown command", and end as a wrong command line. */
export const otherWays: readonly Command[] = ways.map(({ path, args, instead }) =>
  command({
    path,
    summary: 'not in Lifeboat',
    hidden: true,
    ...(args === undefined ? {} : { args }),
    flags: {
      ...passedOverFlags,
      confirm: toggle('', { hidden: true }),
      'image-pull-policy': text('', { hidden: true }),
    },
    run: () =>
      Promise.reject(new UserError(`there is no "lifeboat ${path.join(' ')}": ${instead}`, { exitCode: USAGE })),
  }),
)
