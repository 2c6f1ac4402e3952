import { writeClientConfig } from '../client-config.ts'
import { command } from '../command.ts'
import { note, print } from '../context.ts'
import { OK, USAGE, UserError } from '../exit.ts'
import { passedOverFlags } from '../klog-flags.ts'

const get = command({
  path: ['client', 'config', 'get'],
  summary: 'Show the configuration of the client',
  args: '[keys...]',
  flags: passedOverFlags,
  async run({ args, context }) {
    const { clientConfig } = context
    const keys = args.length > 0 ? args : Object.keys(clientConfig).toSorted()
    for (const key of keys) print(context, `${key}: ${clientConfig[key] ?? '<NOT SET>'}`)
    return await Promise.resolve(OK)
  },
})

const set = command({
  path: ['client', 'config', 'set'],
  summary: 'Change the configuration of the client: namespace, features, cacert, colorized, download-via',
  args: '<key=value...>',
  flags: passedOverFlags,
  examples: [
    'lifeboat client config set namespace=backup features=EnableAPIGroupVersions',
    'lifeboat client config set namespace=',
  ],
  async run({ args, context }) {
    const config = new Map(Object.entries(context.clientConfig))
    const changes = args.map((text) => ({ text, change: /^([^=]+)=(.*)$/s.exec(text) }))
    for (const { text, change } of changes) {
      const [, key = '', value = ''] = change ?? []
      if (change === null) note(context, `warning: "${text}" is not KEY=VALUE and is passed over`)
      else if (value === '') config.delete(key)
      else config.set(key, value)
    }
    if (changes.every(({ change }) => change === null)) {
      throw new UserError('nothing to set: write KEY=VALUE, or KEY= to take a key away', { exitCode: USAGE })
    }
    await writeClientConfig(context.home, Object.fromEntries(config))
    return OK
  },
})

/** Velero's commands on the file that its client and ours share. */
export const clientConfigCommands = [get, set]
