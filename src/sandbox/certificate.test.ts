import assert from 'node:assert/strict'
import { createPrivateKey, createPublicKey, createSign, createVerify, X509Certificate } from 'node:crypto'
import { test } from 'node:test'
import {
  createAuthority,
  createClientCertificate,
  createServingCertificate,
  createSigningKey,
  longValidity,
} from './certificate.ts'

const now = new Date('2026-01-02T03:04:05Z')
const validity = longValidity(now)
const authority = await createAuthority('test-ca', validity)
const root = new X509Certificate(authority.cert)

test('an authority signs itself and may sign others', () => {
  assert.equal(root.ca, true)
  assert.ok(root.verify(root.publicKey))
  assert.ok(root.checkPrivateKey(createPrivateKey(authority.key)))
})

test('a serving certificate holds for its names and addresses and no others', async () => {
  const hosts = ['localhost', 'kubernetes.default.svc', '127.0.0.1', '10.96.0.1']
  const pair = await createServingCertificate(authority, { commonName: 'api', hosts, validity })
  const certificate = new X509Certificate(pair.cert)
  assert.ok(certificate.checkIssued(root) && certificate.verify(root.publicKey))
  assert.equal(certificate.checkHost('kubernetes.default.svc'), 'kubernetes.default.svc')
  assert.equal(certificate.checkIP('10.96.0.1'), '10.96.0.1')
  assert.equal(certificate.checkHost('example.org'), undefined)
  assert.equal(certificate.checkIP('127.0.0.2'), undefined)
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1'])
})

test('a client certificate carries its user, every group and its validity', async () => {
  const expired = { notBefore: new Date('2020-01-01T00:00:00Z'), notAfter: new Date('2020-01-02T00:00:00Z') }
  const groups = ['readers', 'writers']
  const pair = await createClientCertificate(authority, { user: 'alice', groups, validity: expired })
  const certificate = new X509Certificate(pair.cert)
  assert.deepEqual(certificate.subject.split('\n').toSorted(), ['CN=alice', 'O=readers', 'O=writers'])
  assert.equal(new Date(certificate.validTo).toISOString(), '2020-01-02T00:00:00.000Z')
  assert.equal(certificate.ca, false)
  assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.2'])
  assert.ok(certificate.checkPrivateKey(createPrivateKey(pair.key)))
})

test('what the key of ServiceAccounts signs, its public key verifies', async () => {
  const { key, publicKey } = await createSigningKey()
  const signature = createSign('sha256').update('token').sign(createPrivateKey(key))
  assert.ok(createVerify('sha256').update('token').verify(createPublicKey(publicKey), signature))
  assert.ok(!createVerify('sha256').update('other').verify(createPublicKey(publicKey), signature))
})
