// The two ways out of a Notification, to servers that answer as real ones do.
import assert from 'node:assert/strict'
import { createServer, type AddressInfo } from 'node:net'
import { once } from 'node:events'
import { test } from 'node:test'
import fc from 'fast-check'
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
  subject: 'Test',
  text: 'line\n.begins with a dot\n',
  date: new Date('2026-01-02T03:04:05Z'),
  id: 'x@example.com',
}

/** Headers by name, unfolded and decoded, and the text. */
function read(data: string): { headers: Map<string, string>; text: string } {
  const [head = '', body = ''] = data.split('\r\n\r\n')
  const words = (text: string): string =>
    text
      .replace(/\?=\s+=\?/g, '?==?')
      .replace(/(?:=\?utf-8\?B\?[^?]*\?=)+/gi, (run) =>
        Buffer.concat(
          [...run.matchAll(/\?B\?([^?]*)\?=/gi)].map(([, word = '']) => Buffer.from(word, 'base64')),
        ).toString(),
      )
  const lines = head.split(/\r\n(?!\s)/).map((line) => line.replace(/\r\n/g, ''))
  const headers = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')), words(line.slice(line.indexOf(':') + 2))]),
  )
  return {
    headers,
    text: headers.get('Content-Transfer-Encoding') === 'base64' ? Buffer.from(body, 'base64').toString() : body,
  }
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
  const { data, ...envelope } = letter
  assert.deepEqual(envelope, { from: mail.from, to: [...mail.to], user: '', encrypted: false })
  const { headers, text } = read(data)
  assert.equal(text.replaceAll('\r\n', '\n').trimEnd(), mail.text.trimEnd())
  assert.equal(headers.get('From'), mail.from)
  assert.equal(headers.get('To'), mail.to.join(', '))
  assert.equal(headers.get('Subject'), 'Test')
  assert.equal(headers.get('Date'), 'Fri, 02 Jan 2026 03:04:05 +0000')
  assert.equal(headers.get('Message-ID'), '<x@example.com>')
  assert.equal(headers.get('Auto-Submitted'), 'auto-generated')
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
    assert.equal(read(safe.data).text, text)
  }
})

test('whatever is said, a letter is ASCII in short lines, says the same, and has no header that nobody meant', async () => {
  await using server = await smtpServer()
  const target: MailServer = { host: '127.0.0.1', port: server.port, security: 'none' }
  const names = ['Auto-Submitted', 'Content-Transfer-Encoding', 'Content-Type', 'Date', 'From', 'MIME-Version']
  const property = fc.asyncProperty(fc.string({ unit: 'grapheme', maxLength: 300 }), async (words) => {
    await sendMail({ ...mail, subject: `Backup ${words}`, text: `${words}.\nBcc: a@example.com\n` }, target, signal)
    const { data } = server.letters.at(-1) ?? assert.fail('no letter')
    for (const line of data.split('\r\n')) assert.ok(/^[\x20-\x7e]*$/.test(line) && line.length < 300, line)
    const { headers, text } = read(data)
    assert.deepEqual([...headers.keys()].toSorted(), [...names, 'Message-ID', 'Subject', 'To'])
    const spaced = (said: string): string => said.replace(/\s+/g, ' ').trim()
    assert.equal(spaced(headers.get('Subject') ?? ''), spaced(`Backup ${words}`))
    assert.equal(spaced(text), spaced(`${words}.\nBcc: a@example.com`))
  })
  await fc.assert(property, { numRuns: 60 })
  const sly = { ...mail, subject: 'a\r\nBcc: boss@example.com' }
  await sendMail(sly, target, signal)
  assert.deepEqual(server.letters.at(-1)?.to, [...mail.to])
  assert.equal(read(server.letters.at(-1)?.data ?? '').headers.get('Bcc'), undefined)
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
