import { parseDuration } from '#api/duration.ts'
import { command } from '../command.ts'
import { installationFlags, openCluster, serverNamespace } from '../connection.ts'
import { OK } from '../exit.ts'
import { duration, text, toggle } from '../flag.ts'
import { outputFlag, printObjects } from '../output.ts'
import { serverStatus } from '../server-status.ts'

export const pluginGet = command({
  path: ['plugin', 'get'],
  also: [
    ['get', 'plugins'],
    ['get', 'plugin'],
  ],
  summary: 'List the plug-ins of the server, built-in ones included',
  flags: {
    ...installationFlags,
    timeout: duration('how long the server may take to answer (default 5s)'),
    output: outputFlag(['table', 'json', 'yaml']),
    'label-columns': text('plug-ins have no labels', { hidden: true }),
    'show-labels': toggle('plug-ins have no labels', { hidden: true }),
  },
  async run({ flags, context }) {
    const namespace = serverNamespace(context, flags)
    const kube = await openCluster(context, flags)
    try {
      const timeoutMillis = parseDuration(flags.timeout ?? '5s')
      const { plugins } = await serverStatus(kube, { namespace, timeoutMillis, signal: context.signal })
      const sorted = (plugins ?? []).toSorted((a, b) => (a.kind + a.name < b.kind + b.name ? -1 : 1))
      printObjects(context, sorted, {
        format: flags.output,
        columns: [
          { heading: 'NAME', text: ({ name }) => name },
          { heading: 'KIND', text: ({ kind }) => kind },
        ],
        none: 'The server has no plug-ins.',
        type: { apiVersion: 'velero.io/v1', kind: 'Plugin' },
      })
      return OK
    } finally {
      await kube.close()
    }
  },
})
