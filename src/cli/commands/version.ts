import { command } from '../command.ts'
import { clusterFlags, openCluster } from '../connection.ts'
import { print } from '../context.ts'
import { OK } from '../exit.ts'
import { toggle } from '../flag.ts'

export const version = command({
  path: ['version'],
  summary: 'Print the versions of Lifeboat and of the cluster',
  flags: { ...clusterFlags, 'client-only': toggle('do not ask the cluster') },
  async run({ flags, context }) {
    print(context, `Lifeboat: ${context.version}\nSpeaks:   Velero 1.18 (velero.io/v1, v2alpha1; backup format 1.1.0)`)
    if (flags['client-only'] === true) return OK
    // The cluster is a bonus: without one the client's version is still the answer.
    const cluster = await clusterVersion().catch(
      (error: unknown) => `not reached (${error instanceof Error ? error.message : String(error)})`,
    )
    print(context, `Cluster:  ${cluster}`)
    return OK

    async function clusterVersion(): Promise<string> {
      const kube = await openCluster(context, flags)
      try {
        return `${(await kube.version({ signal: context.signal })).gitVersion} at ${kube.server}`
      } finally {
        await kube.close()
      }
    }
  },
})
