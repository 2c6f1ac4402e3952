import { plainText, type Message } from './message.ts'

/** A letter. */
export interface Mail {
  readonly from: string
  readonly to: readonly string[]
  /** RFC 5322, in ASCII, lines ended by CRLF. */
  readonly data: string
}

/** Whether `text` is an address that mail can be sent to. Without spaces, brackets and line ends it cannot smuggle in anything. */
export function isAddress(text: string): boolean {
  return /^[^\s<>@,;:"\p{Cc}]+@[^\s<>@,;:"\p{Cc}]+$/u.test(text)
}

/** The letter for `message`; `id` makes it unique. */
export function mailOf(message: Message, { from, to, id }: { from: string; to: readonly string[]; id: string }): Mail {
  const { title } = message
  const host = from.slice(from.lastIndexOf('@') + 1)
  const headers = [
    `From: <${from}>`,
    `To: ${to.map((address) => `<${address}>`).join(',\r\n ')}`,
    `Subject: ${encodedWords(title)}`,
    `Date: ${message.from.time.toUTCString().replace('GMT', '+0000')}`,
    `Message-ID: <${id}@${host}>`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
    // Nobody's holiday answers to it.
    'Auto-Submitted: auto-generated',
  ]
  const { cluster, namespace, notification } = message.from
  const source = [cluster, `namespace ${namespace}`, `notification ${notification}`].filter((word) => word !== '')
  const text = `${plainText(message)}\n\n-- \nLifeboat, ${source.join(', ')}\n`
  return { from, to, data: `${headers.join('\r\n')}\r\n\r\n${base64Lines(text)}\r\n` }
}

/** Bytes of UTF-8 that fit into an encoded word of 75 characters. */
const WORD_BYTES = 45

/** RFC 2047: plain ASCII stays as it is. */
function encodedWords(text: string): string {
  if (/^[\x20-\x7e]{0,200}$/.test(text) && !text.includes('=?')) return text
  const words: string[] = []
  let word = ''
  for (const character of text) {
    if (Buffer.byteLength(word + character) > WORD_BYTES) {
      words.push(word)
      word = ''
    }
    word += character
  }
  words.push(word)
  return words.map((one) => `=?utf-8?B?${Buffer.from(one).toString('base64')}?=`).join('\r\n ')
}

function base64Lines(text: string): string {
  return (
    Buffer.from(text)
      .toString('base64')
      .match(/.{1,76}/g) ?? []
  ).join('\r\n')
}
