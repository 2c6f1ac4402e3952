import { unlessAborted } from '#kube/unless-aborted.ts'
import { connectTo } from '../test/support/cluster.ts'
import { openStorage, startStorage, type CsiStorage } from '../test/support/csi/storage.ts'
import { startNodeSandbox } from '../test/support/node-sandbox.ts'
import { forMeasuring, type BenchCluster } from './bench-cluster.ts'

/** A cluster with a node, and with storage of the CSI driver of the tests. */
export interface StorageCluster extends BenchCluster {
  storage: CsiStorage
}

/** Starts one, which needs Linux and root. */
export async function storageCluster(signal: AbortSignal): Promise<StorageCluster> {
  signal.throwIfAborted()
  const { kubeconfigPath, node, stateDir, ...sandbox } = await startNodeSandbox()
  const kube = await connectTo(kubeconfigPath)
  const end = async (): Promise<void> => {
    await kube.close()
    await sandbox[Symbol.asyncDispose]()
  }
  try {
    await unlessAborted(startStorage(kube, { node, stateDir }), signal)
    const cluster = await forMeasuring({ kube, kubeconfigPath, [Symbol.asyncDispose]: end }, signal)
    return { ...cluster, storage: await openStorage(kube, stateDir) }
  } catch (error) {
    await end()
    throw error
  }
}
