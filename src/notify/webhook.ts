import type { WebhookSpec } from '#api/notification.ts'
import { NotifyError } from './error.ts'
import { payload, plainText, type Message } from './message.ts'

/** A request that is ready to be sent. */
export interface WebhookCall {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const JSON_TYPE = 'application/json'
const ANSWER_CHARACTERS = 200
const CALL_MS = 30_000

/** Sends it. Rejects with NotifyError unless the answer is a success. Redirects are not followed: what is in the headers is for one host. */
export async function callWebhook({ url, headers, body }: WebhookCall, signal: AbortSignal): Promise<void> {
  const { host } = new URL(url)
  const stop = AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)])
  let answer: Response
  let text: string
  try {
    answer = await fetch(url, { method: 'POST', headers, body, redirect: 'manual', signal: stop })
    text = await answer.text()
  } catch (error) {
    signal.throwIfAborted()
    const { cause } = error as Error
    const why = cause instanceof Error ? cause.message : (error as Error).message
    throw new NotifyError('unreachable', `the webhook at ${host} does not answer: ${why}`, { cause: error })
  }
  if (answer.ok) return
  const said = text.replace(/\s+/g, ' ').trim().slice(0, ANSWER_CHARACTERS)
  throw new NotifyError('refused', `the webhook at ${host} answered ${answer.status}${said === '' ? '' : `: ${said}`}`)
}

/** The request for `message`. `url` and `authorization` are what the Secrets say, if any does. Throws NotifyError 'invalid'. */
export function webhookCall(
  message: Message,
  spec: WebhookSpec,
  { url, authorization }: { url: string; authorization: string | undefined },
): WebhookCall {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new NotifyError('invalid', 'the webhook has no URL that begins with http:// or https://')
  const headers = {
    'content-type': JSON_TYPE,
    ...Object.fromEntries(Object.entries(spec.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value])),
    ...(authorization === undefined ? {} : { authorization }),
  }
  return { url, headers, body: bodyOf(message, spec, headers['content-type']) }
}

function bodyOf(message: Message, { template, format = 'json' }: WebhookSpec, type: string): string {
  if (template !== undefined) return filledIn(template, message, { asJson: type.includes('json') })
  switch (format) {
    case 'json':
      return JSON.stringify(payload(message))
    case 'slack':
      return JSON.stringify(slack(message))
    case 'teams':
      return JSON.stringify(teams(message))
  }
}

const marks = { bad: ':red_circle:', warning: ':large_orange_circle:', good: ':large_green_circle:' }

function slack({ title, lines, tone }: Message): object {
  const escaped = (text: string): string =>
    text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  const text = [`${marks[tone]} *${escaped(title)}*`, ...lines.map((line) => `• ${escaped(line)}`)].join('\n')
  return { text }
}

const colours = { bad: 'Attention', warning: 'Warning', good: 'Good' }

/** An adaptive card, as the workflows of Teams take it. */
function teams({ title, lines, tone }: Message): object {
  const block = (text: string, looks: object = {}): object => ({ type: 'TextBlock', text, wrap: true, ...looks })
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    body: [
      block(title, { weight: 'Bolder', size: 'Medium', color: colours[tone] }),
      ...lines.map((line) => block(line)),
    ],
  }
  const contentType = 'application/vnd.microsoft.card.adaptive'
  return { type: 'message', attachments: [{ contentType, content }] }
}

/** What a template may speak of. */
export const templateWords = [
  'title',
  'text',
  'cluster',
  'notification',
  'namespace',
  'events',
  'names',
  'tone',
] as const

const slot = /\{\{\s*([^{}]*?)\s*\}\}/g

/** The first word of a template that stands for nothing; undefined when there is none. */
export function unknownWord(template: string): string | undefined {
  const known: readonly string[] = templateWords
  return [...template.matchAll(slot)].map(([, word = '']) => word).find((word) => !known.includes(word))
}

/** `{{ title }}` and the others are filled in; within JSON so that what comes of it is JSON again. */
function filledIn(template: string, message: Message, { asJson }: { asJson: boolean }): string {
  const { title, news, tone, from } = message
  const values: Record<(typeof templateWords)[number], string> = {
    title,
    text: plainText(message),
    cluster: from.cluster,
    notification: from.notification,
    namespace: from.namespace,
    events: [...new Set(news.map(({ event }) => event))].join(', '),
    names: news.map((one) => ('run' in one ? one.run.name : one.schedule)).join(', '),
    tone,
  }
  return template.replaceAll(slot, (_, word: keyof typeof values) => {
    const value = values[word]
    return asJson ? JSON.stringify(value).slice(1, -1) : value
  })
}
