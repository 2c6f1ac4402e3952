import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isIPv6 } from 'node:net'
import type { ClusterConfig } from './cluster-config.ts'
import { KubeConfigError } from './cluster-config.ts'

/** Where the kubelet puts the service account of a pod. */
const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount'

/** Where a pod finds its API server. */
export interface InClusterOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  /** Default is where the kubelet mounts it. */
  readonly serviceAccountDir?: string | undefined
}

/** Whether the environment is that of a pod. */
export function isInCluster(env: InClusterOptions['env']): boolean {
  return Boolean(env['KUBERNETES_SERVICE_HOST']) && Boolean(env['KUBERNETES_SERVICE_PORT'])
}

/** The API server and service account of the pod we run in; its token and CA are read again as they rotate. Rejects with KubeConfigError. */
export async function inClusterConfig({
  env,
  serviceAccountDir = SERVICE_ACCOUNT_DIR,
}: InClusterOptions): Promise<ClusterConfig> {
  const host = env['KUBERNETES_SERVICE_HOST']
  const port = env['KUBERNETES_SERVICE_PORT']
  if (!host || !port) {
    throw new KubeConfigError(
      'missing',
      'not in a pod: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set; name a kubeconfig instead',
    )
  }
  const tokenFile = join(serviceAccountDir, 'token')
  const caFile = join(serviceAccountDir, 'ca.crt')
  await Promise.all([tokenFile, caFile].map(checkReadable))
  const namespace = await readFile(join(serviceAccountDir, 'namespace'), 'utf8').catch(() => 'default')
  return {
    server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
    context: undefined,
    namespace: namespace.trim(),
    ca: { file: caFile },
    skipTlsVerify: false,
    tlsServerName: undefined,
    // The service network is never behind a proxy.
    proxy: undefined,
    user: { tokenFile },
  }
}

async function checkReadable(file: string): Promise<void> {
  try {
    await access(file)
  } catch (error) {
    throw new KubeConfigError(
      'unreadable',
      `the pod has no service account at ${file}: set automountServiceAccountToken: true or name a kubeconfig`,
      { cause: error },
    )
  }
}
