import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { NotifyError } from './error.ts'
import { isAddress, mailOf } from './mail.ts'
import { messageOf, payload, type MessageSource } from './message.ts'
import type { EndedRun, News } from './news.ts'
import { unknownWord, webhookCall } from './webhook.ts'

const from: MessageSource = {
  notification: 'team',
  namespace: 'velero',
  cluster: 'prod',
  time: new Date('2026-01-02T03:04:05Z'),
}
const run: EndedRun = {
  kind: 'Backup',
  name: 'nightly-1',
  schedule: 'nightly',
  phase: 'Failed',
  ended: new Date('2026-01-02T03:00:00Z'),
  reason: 'the bucket\nis <gone> & lost',
  told: undefined,
}
const failed: News = { event: 'Failed', run }
const overdue: News = { event: 'Overdue', schedule: 'hourly', lastGood: new Date('2026-01-01T00:00:00Z') }
const recovered: News = { event: 'Recovered', run: { ...run, name: 'nightly-2', phase: 'Completed', reason: '' } }
const target = { url: 'https://hooks.example/T0/secret', authorization: undefined }

function sent(body: string): Record<string, unknown> {
  return JSON.parse(body) as Record<string, unknown>
}

test('a message says in one line what happened, and in more what is known of it', () => {
  const { title, lines, tone } = messageOf([failed], from)
  assert.equal(title, '[prod] Backup nightly-1 of schedule nightly failed')
  assert.deepEqual(lines, ['Backup nightly-1 of schedule nightly failed: the bucket is <gone> & lost'])
  assert.equal(tone, 'bad')
  const more = messageOf([failed, overdue, recovered], { ...from, cluster: '' })
  assert.equal(more.title, 'Backups: 1 failed, 1 well again, 1 overdue')
  assert.deepEqual(more.lines.slice(1), [
    'No good backup of schedule hourly for 27 hours; the last one ended 2026-01-01T00:00:00.000Z',
    'Schedule nightly is well again: backup nightly-2 completed',
  ])
  assert.equal(messageOf([recovered], from).tone, 'good')
  const many = messageOf(
    Array.from({ length: 50 }, () => failed),
    from,
  )
  assert.equal(many.lines.length, 21)
  assert.equal(many.lines.at(-1), 'and 30 more')
})

test('each format is what its receiver takes', () => {
  const message = messageOf([failed, overdue], from)
  const json = sent(webhookCall(message, {}, target).body)
  assert.deepEqual(json, JSON.parse(JSON.stringify(payload(message))))
  assert.equal(json['cluster'], 'prod')
  assert.equal((json['news'] as { name: string }[])[0]?.name, 'nightly-1')
  const { text } = sent(webhookCall(message, { format: 'slack' }, target).body)
  assert.match(String(text), /^:red_circle: \*\[prod\] Backups: 1 failed, 1 overdue\*\n• .*&lt;gone&gt; &amp; lost\n• /)
  const teams = sent(webhookCall(message, { format: 'teams' }, target).body)
  const [card] = teams['attachments'] as { contentType: string; content: { type: string; body: { text: string }[] } }[]
  assert.equal(card?.contentType, 'application/vnd.microsoft.card.adaptive')
  assert.equal(card.content.type, 'AdaptiveCard')
  assert.equal(card.content.body.length, 3)
})

test('a template becomes JSON whatever is filled in, and plain text where that is asked for', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (reason) => {
      const message = messageOf([{ event: 'Failed', run: { ...run, reason } }], from)
      const template = '{"alert": "{{ title }}", "why": "{{text}}", "who": "{{names}}"}'
      const { alert, why, who } = sent(webhookCall(message, { template }, target).body)
      assert.equal(alert, message.title)
      assert.equal(why, message.lines.join('\n'))
      assert.equal(who, 'nightly-1')
    }),
  )
  const plain = { template: '{{events}}: "{{title}}"', headers: { 'Content-Type': 'text/plain' } }
  const call = webhookCall(messageOf([overdue], { ...from, cluster: '' }), plain, target)
  assert.equal(call.body, 'Overdue: "No good backup of schedule hourly for 27 hours"')
  assert.equal(call.headers['content-type'], 'text/plain')
  assert.equal(unknownWord('{{ title }} {{ colour }}'), 'colour')
  assert.equal(unknownWord('{{title}} { "a": {} }'), undefined)
})

test('a webhook is a URL of the web, and its authorization is a header', () => {
  const message = messageOf([failed], from)
  for (const url of ['', 'file:///etc/passwd', 'hooks.example']) {
    assert.throws(() => webhookCall(message, {}, { ...target, url }), NotifyError)
  }
  assert.equal(webhookCall(message, {}, { ...target, authorization: 'Bearer x' }).headers['authorization'], 'Bearer x')
})

test('a letter says the same as the message, and who wrote it', () => {
  const message = messageOf([failed], from)
  const { text, ...letter } = mailOf(message, { from: 'lifeboat@example.com', to: ['a@example.com'], id: 'x' })
  assert.deepEqual(letter, {
    from: 'lifeboat@example.com',
    to: ['a@example.com'],
    subject: message.title,
    date: from.time,
    id: 'x@example.com',
  })
  assert.ok(text.startsWith(message.lines.join('\n')))
  assert.ok(text.endsWith('\n-- \nLifeboat, prod, namespace velero, notification team\n'))
})

test('what is no address is refused', () => {
  for (const good of ['a@b', 'first.last+tag@example.com', 'ops@[127.0.0.1]'.replace(/[[\]]/g, '')])
    assert.ok(isAddress(good), good)
  for (const bad of ['', 'a', 'a@', '@b', 'a@b\r\nRCPT TO:<c@d>', 'A <a@b>', 'a@b,c@d', 'a b@c'])
    assert.ok(!isAddress(bad), bad)
})
