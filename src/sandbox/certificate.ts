import type { webcrypto } from 'node:crypto'
import type * as X509 from '@peculiar/x509'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const day = 24 * 60 * 60 * 1000

/** A certificate and its private key, both PEM. */
export interface KeyPair {
  cert: string
  key: string
}

/** From when until when a certificate holds. */
export interface Validity {
  notBefore: Date
  notAfter: Date
}

/** A key pair for signing, PEM: `key` is PKCS#8, `publicKey` SPKI. */
export interface SigningKey {
  key: string
  publicKey: string
}

/** Ten years, from a day before `now`, since clocks differ. */
export function longValidity(now: Date): Validity {
  return { notBefore: new Date(now.getTime() - day), notAfter: new Date(now.getTime() + 3650 * day) }
}

/** A new self-signed certificate authority. */
export async function createAuthority(commonName: string, validity: Validity): Promise<KeyPair> {
  const x509 = await library()
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: [{ CN: [commonName] }],
    ...validity,
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { cert: certificate.toString('pem'), key: await privatePem(keys) }
}

/** A serving certificate for `hosts`: DNS names and IP addresses. */
export async function createServingCertificate(
  authority: KeyPair,
  { commonName, hosts, validity }: { commonName: string; hosts: readonly string[]; validity: Validity },
): Promise<KeyPair> {
  const x509 = await library()
  const names = hosts.map((host) => ({ type: isAddress(host) ? ('ip' as const) : ('dns' as const), value: host }))
  return issue(authority, {
    subject: [{ CN: [commonName] }],
    validity,
    usages: [x509.ExtendedKeyUsage.serverAuth],
    extensions: [new x509.SubjectAlternativeNameExtension(names)],
  })
}

/** A client certificate: the API server takes CN as the user and each O as a group (`system:masters` may do everything). */
export async function createClientCertificate(
  authority: KeyPair,
  { user, groups = [], validity }: { user: string; groups?: readonly string[]; validity: Validity },
): Promise<KeyPair> {
  const x509 = await library()
  return issue(authority, {
    subject: [...groups.map((group) => ({ O: [group] })), { CN: [user] }],
    validity,
    usages: [x509.ExtendedKeyUsage.clientAuth],
    extensions: [],
  })
}

/** A key pair for ServiceAccount tokens (ES256). */
export async function createSigningKey(): Promise<SigningKey> {
  const x509 = await library()
  const keys = await newKeys()
  const spki = await crypto.subtle.exportKey('spki', keys.publicKey)
  return { key: await privatePem(keys), publicKey: x509.PemConverter.encode(spki, 'PUBLIC KEY') }
}

/** Takes 20 MB and 25 ms, which no command but a sandbox's should pay. */
async function library(): Promise<typeof X509> {
  await import('reflect-metadata')
  return await import('@peculiar/x509')
}

interface Order {
  subject: X509.JsonName
  validity: Validity
  usages: X509.ExtendedKeyUsageType[]
  extensions: X509.Extension[]
}

async function issue(authority: KeyPair, { subject, validity, usages, extensions }: Order): Promise<KeyPair> {
  const x509 = await library()
  const issuer = new x509.X509Certificate(authority.cert)
  const keys = await newKeys()
  const certificate = await x509.X509CertificateGenerator.create({
    subject,
    issuer: issuer.subject,
    ...validity,
    publicKey: keys.publicKey,
    signingKey: await importPrivateKey(authority.key),
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usages),
      await x509.AuthorityKeyIdentifierExtension.create(issuer),
      ...extensions,
    ],
  })
  return { cert: certificate.toString('pem'), key: await privatePem(keys) }
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>
}

async function privatePem(keys: webcrypto.CryptoKeyPair): Promise<string> {
  const x509 = await library()
  return x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')
}

async function importPrivateKey(pem: string): Promise<webcrypto.CryptoKey> {
  const x509 = await library()
  return await crypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(pem), algorithm, false, ['sign'])
}

function isAddress(host: string): boolean {
  return /^[0-9.]+$/.test(host) || host.includes(':')
}
