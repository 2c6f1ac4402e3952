import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import {
  createAuthority,
  createClientCertificate,
  createServingCertificate,
  createSigningKey,
  longValidity,
  type KeyPair,
} from './certificate.ts'

const servingNames = [
  'localhost',
  '127.0.0.1',
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
]

/** Paths of the PEM files of one control plane. */
export interface CertificateFiles {
  authority: { cert: string; key: string }
  serving: { cert: string; key: string }
  kubelet: { cert: string; key: string }
  admin: { cert: string; key: string }
  frontProxyAuthority: { cert: string; key: string }
  frontProxy: { cert: string; key: string }
  serviceAccount: { key: string; publicKey: string }
}

/**
 * Makes every certificate of a control plane and writes them below `directory`; keys are readable by the user alone.
 * `addresses` are those at which pods reach the API server.
 */
export async function writeCertificates(
  directory: string,
  { now, addresses }: { now: Date; addresses: readonly string[] },
): Promise<CertificateFiles> {
  const validity = longValidity(now)
  const [authority, frontProxyAuthority, serviceAccount] = await Promise.all([
    createAuthority('lifeboat-sandbox', validity),
    createAuthority('lifeboat-sandbox-front-proxy', validity),
    createSigningKey(),
  ])
  const [serving, kubelet, admin, frontProxy] = await Promise.all([
    createServingCertificate(authority, {
      commonName: 'kube-apiserver',
      hosts: [...servingNames, ...addresses],
      validity,
    }),
    createClientCertificate(authority, { user: 'kube-apiserver-kubelet-client', groups: ['system:masters'], validity }),
    createClientCertificate(authority, { user: 'lifeboat-sandbox-admin', groups: ['system:masters'], validity }),
    createClientCertificate(frontProxyAuthority, { user: 'front-proxy-client', validity }),
  ])
  await mkdir(directory, { recursive: true, mode: 0o700 })
  const write = (name: string, pair: KeyPair) => writePair(directory, name, pair)
  return {
    authority: await write('ca', authority),
    serving: await write('serving', serving),
    kubelet: await write('kubelet-client', kubelet),
    admin: await write('admin', admin),
    frontProxyAuthority: await write('front-proxy-ca', frontProxyAuthority),
    frontProxy: await write('front-proxy', frontProxy),
    serviceAccount: {
      key: await writePem(join(directory, 'service-account.key'), serviceAccount.key),
      publicKey: await writePem(join(directory, 'service-account.pub'), serviceAccount.publicKey),
    },
  }
}

async function writePair(directory: string, name: string, pair: KeyPair): Promise<{ cert: string; key: string }> {
  return {
    cert: await writePem(join(directory, `${name}.crt`), pair.cert),
    key: await writePem(join(directory, `${name}.key`), pair.key),
  }
}

async function writePem(path: string, pem: string): Promise<string> {
  await writeFile(path, `${pem.trim()}\n`, { mode: 0o600 })
  return path
}
