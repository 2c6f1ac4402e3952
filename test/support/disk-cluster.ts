import type { KubeClient } from '#kube/client.ts'
import { ownCluster } from './cluster.ts'
import { defineSnapshots, makeClass, playDriver, type PlayedDriver, type PlayedGroups } from './played-driver.ts'

/** A cluster of its own with a CSI driver that is played, and a class `disk` of its volumes and of its snapshots. */
export type DiskCluster = Awaited<ReturnType<typeof ownCluster>> & { readonly played: PlayedDriver }

/** Starts one; `classLabels` are those of the class of snapshots, `groups` defines what the driver plays besides. */
export async function diskCluster({
  classLabels,
  groups,
}: {
  classLabels?: Record<string, string>
  groups?: (kube: KubeClient) => Promise<PlayedGroups>
} = {}): Promise<DiskCluster> {
  await using parts = new AsyncDisposableStack()
  const cluster = parts.use(await ownCluster())
  await defineSnapshots(cluster.kube)
  await makeClass(cluster.kube, 'disk', classLabels)
  const played = parts.use(playDriver(cluster.kube, await groups?.(cluster.kube)))
  const all = parts.move()
  return { ...cluster, played, [Symbol.asyncDispose]: () => all.disposeAsync() }
}
