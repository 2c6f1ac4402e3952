import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import 'reflect-metadata'
import { X509CertificateGenerator } from '@peculiar/x509'
import { stringify } from 'yaml'
import { loadKubeConfig } from './config.ts'
import { inClusterConfig } from './in-cluster.ts'

async function home() {
  const dir = await mkdtemp(join(tmpdir(), 'kubeconfig-test-'))
  await mkdir(join(dir, '.kube'))
  return { dir, default: join(dir, '.kube', 'config'), [Symbol.asyncDispose]: () => rm(dir, { recursive: true }) }
}

function kubeconfig(cluster: object, user: object = {}): string {
  return stringify({
    'current-context': 'c',
    clusters: [{ name: 'c', cluster }],
    users: [{ name: 'u', user }],
    contexts: [
      { name: 'c', context: { cluster: 'c', user: 'u' } },
      { name: 'lost', context: { cluster: 'gone', user: 'u' } },
      { name: 'nobody', context: { cluster: 'c', user: 'gone' } },
    ],
  })
}

async function selfSigned(notAfter: Date) {
  const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
  const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' }
  const cert = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=me',
    notBefore: new Date(0),
    notAfter,
    keys,
    signingAlgorithm,
  })
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64')
  return { cert: cert.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` }
}

const server = 'https://127.0.0.1:6443'

test('without any kubeconfig the error says where it was looked for and what to do', async () => {
  await using at = await home()
  const message = new RegExp(`${at.default}.*--kubeconfig`)
  await assert.rejects(loadKubeConfig({ env: {}, home: at.dir }), {
    name: 'KubeConfigError',
    problem: 'missing',
    message,
  })
  await assert.rejects(loadKubeConfig({ env: {}, home: at.dir, kubeconfig: '/nowhere/config' }), {
    problem: 'missing',
    message: /\/nowhere\/config/,
  })
})

test('a context, cluster or user that is missing is named beside those that exist', async () => {
  await using at = await home()
  await writeFile(at.default, kubeconfig({ server }))
  const load = (context: string) => loadKubeConfig({ env: {}, home: at.dir, context })
  await assert.rejects(load('other'), { problem: 'no-context', message: /no context other .* c, lost, nobody/ })
  await assert.rejects(load('lost'), { problem: 'no-cluster', message: /gone.* c$/ })
  await assert.rejects(load('nobody'), { problem: 'no-user', message: /gone.* u$/ })
  assert.equal((await load('c')).server, server)
})

test('files of KUBECONFIG are merged, missing ones passed over, and paths belong to their file', async () => {
  await using at = await home()
  await mkdir(join(at.dir, 'b'))
  await writeFile(join(at.dir, 'b', 'ca.pem'), 'the CA')
  await writeFile(join(at.dir, 'a'), stringify({ 'current-context': 'c' }))
  await writeFile(
    join(at.dir, 'b', 'config'),
    kubeconfig({ server, 'certificate-authority': 'ca.pem' }, { token: 't' }),
  )
  const env = { KUBECONFIG: [join(at.dir, 'a'), join(at.dir, 'missing'), join(at.dir, 'b', 'config')].join(':') }
  const config = await loadKubeConfig({ env, home: '/nowhere' })
  assert.deepEqual([config.context, config.ca, config.user.token], ['c', { file: join(at.dir, 'b', 'ca.pem') }, 't'])
  await rm(join(at.dir, 'b', 'ca.pem'))
  await assert.rejects(loadKubeConfig({ env, home: '/nowhere' }), {
    problem: 'unreadable',
    message: /certificate-authority .*ca\.pem/,
  })
})

test('an expired client certificate is found before the first request, with its date', async () => {
  await using at = await home()
  const { cert, key } = await selfSigned(new Date('2026-02-03T04:05:06Z'))
  const user = {
    'client-certificate-data': Buffer.from(cert).toString('base64'),
    'client-key-data': Buffer.from(key).toString('base64'),
  }
  await writeFile(at.default, kubeconfig({ server }, user))
  const load = (now: string) => loadKubeConfig({ env: {}, home: at.dir, now: () => new Date(now) })
  assert.deepEqual((await load('2026-01-01T00:00:00Z')).user.certificate, { cert: { data: cert }, key: { data: key } })
  await assert.rejects(load('2026-03-01T00:00:00Z'), { problem: 'certificate-expired', message: /2026-02-03T04:05:06/ })
})

test('a pod finds its server, CA and token, and says what is missing', async () => {
  await using at = await home()
  const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' }
  const load = () => inClusterConfig({ env, serviceAccountDir: at.dir })
  await assert.rejects(load, { problem: 'unreadable', message: /automountServiceAccountToken/ })
  for (const [name, text] of [
    ['token', 't'],
    ['ca.crt', 'ca'],
    ['namespace', 'velero'],
  ] as const)
    await writeFile(join(at.dir, name), text)
  const config = await load()
  assert.deepEqual(
    [config.server, config.namespace, config.user.tokenFile],
    ['https://[fd00::1]:443', 'velero', join(at.dir, 'token')],
  )
})
