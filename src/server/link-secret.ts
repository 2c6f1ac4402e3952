import { randomBytes } from 'node:crypto'
import { Secrets } from '#kube/core-types.ts'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { ProcessLog } from '#runtime/controller.ts'

/** Of the Secret, in the server's namespace. */
export const linkSecretName = 'lifeboat-links'
const KEY = 'secret'
const BYTES = 32

/**
 * The secret by which links are signed. All replicas of a server share it, so each of them answers the links of the one that leads: the first to start makes a Secret of it. A server that
 * may not, or finds something else under that name, has one of its own, and only its own links work there. Rejects with KubeError for any other reason.
 */
export async function linkSecret(
  kube: KubeClient,
  { namespace, log, signal }: { namespace: string; log: ProcessLog; signal: AbortSignal },
): Promise<Uint8Array> {
  const own = randomBytes(BYTES)
  try {
    const found = (await read(kube, namespace, signal)) ?? (await made(kube, own, { namespace, signal }))
    if (found.byteLength === BYTES) return found
    log.warn({ secret: linkSecretName }, `not ${BYTES} bytes under "${KEY}": links work only where they were made`)
  } catch (error) {
    if (!(error instanceof KubeError) || error.problem !== 'forbidden') throw error
    log.warn({ secret: linkSecretName, error: error.message }, 'links work only where they were made')
  }
  return own
}

async function read(kube: KubeClient, namespace: string, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const secret = await kube.find(Secrets, linkSecretName, { namespace, signal })
  return secret && Buffer.from(secret.data?.[KEY] ?? '', 'base64')
}

async function made(
  kube: KubeClient,
  own: Buffer,
  { namespace, signal }: { namespace: string; signal: AbortSignal },
): Promise<Uint8Array> {
  // In no backup: whoever has it can read all of them. Uninstalling takes it away by its label.
  const labels = { component: 'velero', 'velero.io/exclude-from-backup': 'true' }
  const secret = {
    apiVersion: 'v1',
    kind: Secrets.kind,
    metadata: { name: linkSecretName, labels },
    data: { [KEY]: own.toString('base64') },
  }
  try {
    await kube.create(Secrets, secret, { namespace, signal })
    return own
  } catch (error) {
    if (!(error instanceof KubeError) || error.problem !== 'already-exists') throw error
    return (await read(kube, namespace, signal)) ?? own
  }
}
