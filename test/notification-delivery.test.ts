// The two ways out of a Notification, to servers that answer as real ones do.
import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'
import { createAuthority, createServingCertificate, longValidity } from '#sandbox/certificate.ts'
import { smtpServer, type SmtpOptions } from './support/smtp-server.ts'
import { webhookServer } from './support/webhook-server.ts'
import { NotifyError } from '#notify/error.ts'
import type { Mail } from '#notify/mail.ts'
import { sendMail, type MailServer } from '#notify/smtp.ts'
import { callWebhook } from '#notify/webhook.ts'

const signal = new AbortController().signal
const mail: Mail = {
  from: 'lifeboat@example.com',
  to: ['ops@example.com', 'boss@example.com'],
  data: 'Subject: Test\r\n\r\nline\r\n.begins with a dot\r\n',
}
const validity = longValidity(new Date())
const authority = await createAuthority('test', validity)
const certificate = await createServingCertificate(authority, {
  commonName: 'localhost',
  hosts: ['localhost', '127.0.0.1'],
  validity,
})
const tls = { key: certificate.key, cert: certificate.cert }

async function refusal(work: Promise<unknown>, problem: string): Promise<string> {
  const error = await work.then(
    () => assert.fail('it went through'),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof NotifyError, String(error))
  assert.equal(error.problem, problem, error.message)
  return error.message
}

async function deliver(server: SmtpOptions, client: Partial<MailServer>) {
  await using running = await smtpServer(server)
  const target: MailServer = { host: '127.0.0.1', port: running.port, security: 'none', ...client }
  const refused = await sendMail(mail, target, signal)
  return { refused, letter: running.letters[0] ?? assert.fail('no letter') }
}

test('mail goes out in the clear, over STARTTLS and over TLS, and comes in as it was', async () => {
  const { letter } = await deliver({}, {})
  assert.deepEqual(letter, {
    from: mail.from,
    to: [...mail.to],
    data: 'Subject: Test\r\n\r\nline\r\n.begins with a dot',
    user: '',
    encrypted: false,
  })
  const ca = authority.cert
  for (const [server, client] of [
    [{ tls }, { security: 'starttls', ca, host: 'localhost' }],
    [
      { tls, auth: 'PLAIN' },
      { security: 'starttls', ca, credentials: { username: 'u', password: 'p:ä' } },
    ],
    [
      { tls: { ...tls, implicit: true }, auth: 'LOGIN' },
      { security: 'tls', ca, credentials: { username: 'u', password: 'p:ä' } },
    ],
  ] as [SmtpOptions, Partial<MailServer>][]) {
    const { letter: safe } = await deliver(server, client)
    assert.equal(safe.encrypted, true)
    assert.equal(safe.user, server.auth === undefined ? '' : 'u:p:ä')
    assert.equal(safe.data, letter.data)
  }
})

test('a certificate that nobody vouches for, and a server without STARTTLS, get nothing', async () => {
  await using safe = await smtpServer({ tls })
  await using plain = await smtpServer()
  const host = '127.0.0.1'
  assert.match(
    await refusal(sendMail(mail, { host, port: safe.port, security: 'starttls' }, signal), 'unreachable'),
    /certificate/,
  )
  assert.match(
    await refusal(sendMail(mail, { host, port: plain.port, security: 'starttls' }, signal), 'refused'),
    /no STARTTLS/,
  )
  assert.deepEqual([...safe.letters, ...plain.letters], [])
})

test('an unknown address does not keep the mail from the others; when all are unknown it is an error', async () => {
  const { refused, letter } = await deliver({ unknown: ['boss@example.com'] }, {})
  assert.deepEqual([refused, letter.to], [['boss@example.com'], ['ops@example.com']])
  assert.match(await refusal(deliver({ unknown: mail.to }, {}), 'refused'), /550 no boss@example.com here/)
  assert.match(await refusal(deliver({ isFull: () => true }, {}), 'refused'), /452 no room/)
  assert.match(await refusal(deliver({ auth: 'PLAIN' }, {}), 'refused'), /530 who are you/)
})

test('a server that hangs up, says nonsense or is not there is unreachable; one that says nothing is left when the signal says so', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    if (kind === 'end') socket.end()
    if (kind === 'nonsense') socket.write('HTTP/1.1 400 Bad Request\r\n')
  })
  let kind = 'end'
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const target = { host: '127.0.0.1', port, security: 'none' } as const
  await refusal(sendMail(mail, target, signal), 'unreachable')
  kind = 'nonsense'
  assert.match(await refusal(sendMail(mail, target, signal), 'unreachable'), /does not speak SMTP/)
  kind = 'silence'
  const stop = new AbortController()
  setTimeout(() => stop.abort(new Error('enough')), 100)
  await assert.rejects(sendMail(mail, target, stop.signal), { message: 'enough' })
  server.close()
  await once(server, 'close')
  await refusal(sendMail(mail, target, signal), 'unreachable')
})

test('a webhook gets the request as it is; anything but success is an error that tells no secret', async () => {
  let status = 204
  await using server = await webhookServer(() => status)
  const call = { url: `${server.url}/T0/secret`, headers: { 'content-type': 'application/json' }, body: '{"a":1}' }
  await callWebhook(call, signal)
  assert.deepEqual(
    server.hooks.map(({ path, body }) => [path, body]),
    [['/T0/secret', '{"a":1}']],
  )
  for (status of [302, 404, 500]) {
    const message = await refusal(callWebhook(call, signal), 'refused')
    assert.match(message, new RegExp(`answered ${status}: not now$`))
    assert.ok(!message.includes('secret'))
  }
  const gone = await refusal(callWebhook({ ...call, url: 'http://127.0.0.1:1/secret' }, signal), 'unreachable')
  assert.ok(!gone.includes('secret'))
})
