import { parseDuration } from '#api/duration.ts'
import type { KubeClient } from '#kube/client.ts'
import { command } from '../command.ts'
import { installationFlags, openCluster, serverNamespace } from '../connection.ts'
import { print, type CliContext } from '../context.ts'
import { OK } from '../exit.ts'
import { duration, toggle, type FlagValues } from '../flag.ts'
import { outputFlag, printDocument } from '../output.ts'
import { serverStatus } from '../server-status.ts'

const flags = {
  ...installationFlags,
  'client-only': toggle('do not ask the cluster'),
  timeout: duration('how long the server may take to answer (default 5s)'),
  output: outputFlag(['table', 'json', 'yaml']),
}

const speaks = 'Velero 1.18 (velero.io/v1, v2alpha1; backup format 1.1.0)'

export const version = command({
  path: ['version'],
  summary: 'Print the versions of Lifeboat, of the cluster and of the server in it',
  flags,
  async run({ flags: given, context }) {
    const { output } = given
    const client = { version: context.version, speaks }
    const whole = given['client-only'] === true ? { client } : { client, ...(await versions(context, given)) }
    if (output === 'json' || output === 'yaml') printDocument(context, whole, output)
    else print(context, lines(whole))
    return OK
  },
})

interface Answer {
  readonly version?: string
  readonly url?: string
  readonly error?: string
}

interface Versions {
  readonly client: { readonly version: string; readonly speaks: string }
  readonly cluster?: Answer
  readonly server?: Answer
}

/** The cluster and the server are a bonus: without them the client's version is still the answer. */
async function versions(context: CliContext, given: FlagValues<typeof flags>): Promise<Omit<Versions, 'client'>> {
  const { signal } = context
  const asked = async (ask: (kube: KubeClient) => Promise<Answer>): Promise<Answer> => {
    try {
      const kube = await openCluster(context, given)
      try {
        return await ask(kube)
      } finally {
        await kube.close()
      }
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) }
    }
  }
  const cluster = await asked(async (kube) => ({
    version: (await kube.version({ signal })).gitVersion,
    url: kube.server,
  }))
  if (cluster.error !== undefined) return { cluster }
  const namespace = serverNamespace(context, given)
  const timeoutMillis = parseDuration(given.timeout ?? '5s')
  const server = await asked(async (kube) => {
    const { serverVersion = '' } = await serverStatus(kube, { namespace, timeoutMillis, signal })
    return { version: serverVersion }
  })
  return { cluster, server }
}

function lines({ client, cluster, server }: Versions): string {
  const text = ({ version = '', url, error }: Answer): string =>
    error === undefined ? [version, ...(url === undefined ? [] : ['at', url])].join(' ') : `not reached (${error})`
  return [
    `Lifeboat: ${client.version}`,
    `Speaks:   ${client.speaks}`,
    ...(cluster === undefined ? [] : [`Cluster:  ${text(cluster)}`]),
    ...(server === undefined ? [] : [`Server:   ${text(server)}`]),
  ].join('\n')
}
