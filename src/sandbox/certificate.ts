import 'reflect-metadata'
import type { webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'

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
  return issue(authority, {
    subject: [...groups.map((group) => ({ O: [group] })), { CN: [user] }],
    validity,
    usages: [x509.ExtendedKeyUsage.clientAuth],
    extensions: [],
  })
}

/** A key pair for ServiceAccount tokens (ES256). */
export async function createSigningKey(): Promise<SigningKey> {
  const keys = await newKeys()
  const spki = await crypto.subtle.exportKey('spki', keys.publicKey)
  return { key: await privatePem(keys), publicKey: x509.PemConverter.encode(spki, 'PUBLIC KEY') }
}

interface Order {
  subject: x509.JsonName
  validity: Validity
  usages: x509.ExtendedKeyUsageType[]
  extensions: x509.Extension[]
}

async function issue(authority: KeyPair, { subject, validity, usages, extensions }: Order): Promise<KeyPair> {
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
  return x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', keys.privateKey), 'PRIVATE KEY')
}

function importPrivateKey(pem: string): Promise<webcrypto.CryptoKey> {
  return crypto.subtle.importKey('pkcs8', x509.PemConverter.decodeFirst(pem), algorithm, false, ['sign'])
}

function isAddress(host: string): boolean {
  return /^[0-9.]+$/.test(host) || host.includes(':')
}
