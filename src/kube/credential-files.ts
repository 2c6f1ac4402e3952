import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { ClusterConfig, Pem } from './cluster-config.ts'
import { KubeConfigError } from './cluster-config.ts'

/** Checks that every file the configuration names can be read and that a client certificate is valid at `now`. Rejects with KubeConfigError. */
export async function checkFiles({ ca, user, context }: ClusterConfig, now: Date): Promise<void> {
  if (ca !== undefined) await textOf(ca, 'certificate-authority')
  if (user.tokenFile !== undefined) await textOf({ file: user.tokenFile }, 'tokenFile')
  if (user.certificate === undefined) return
  const cert = await textOf(user.certificate.cert, 'client-certificate')
  const key = await textOf(user.certificate.key, 'client-key')
  checkClientCertificate({ cert, key, owner: `the user of context ${context ?? '(in cluster)'}` }, now)
}

/** Throws KubeConfigError when the pair cannot be used; 'certificate-expired' names the date. */
export function checkClientCertificate(
  { cert, key, owner }: { cert: string; key: string; owner: string },
  now: Date,
): void {
  const certificate = parsed(() => new X509Certificate(cert), `the client certificate of ${owner} cannot be read`)
  const privateKey = parsed(() => createPrivateKey(key), `the client key of ${owner} cannot be read`)
  if (certificate.validToDate <= now) {
    throw new KubeConfigError(
      'certificate-expired',
      `the client certificate of ${owner} expired on ${certificate.validToDate.toISOString()}: fetch a new kubeconfig or renew the certificate`,
    )
  }
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new KubeConfigError('malformed', `client certificate and client key of ${owner} do not belong together`)
  }
}

function parsed<T>(parse: () => T, what: string): T {
  try {
    return parse()
  } catch (error) {
    throw new KubeConfigError('malformed', `${what}: ${(error as Error).message}`, { cause: error })
  }
}

async function textOf(pem: Pem, field: string): Promise<string> {
  if ('data' in pem) return pem.data
  try {
    return await readFile(pem.file, 'utf8')
  } catch (error) {
    throw new KubeConfigError('unreadable', `cannot read ${field} ${pem.file}: ${(error as Error).message}`, {
      cause: error,
    })
  }
}
