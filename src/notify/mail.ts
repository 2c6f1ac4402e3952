import { plainText, type Message } from './message.ts'

/** A letter. */
export interface Mail {
  readonly from: string
  readonly to: readonly string[]
  readonly subject: string
  readonly text: string
  readonly date: Date
  /** No other letter has it; with a host, without brackets. */
  readonly id: string
}

/** Whether `text` is an address that mail can be sent to. Without spaces, brackets and line ends it cannot smuggle in anything. */
export function isAddress(text: string): boolean {
  return /^[^\s<>@,;:"\p{Cc}]+@[^\s<>@,;:"\p{Cc}]+$/u.test(text)
}

/** The letter for `message`; `id` makes it unique. */
export function mailOf(message: Message, { from, to, id }: { from: string; to: readonly string[]; id: string }): Mail {
  const { cluster, namespace, notification, time } = message.from
  const source = [cluster, `namespace ${namespace}`, `notification ${notification}`].filter((word) => word !== '')
  return {
    from,
    to,
    subject: message.title,
    text: `${plainText(message)}\n\n-- \nLifeboat, ${source.join(', ')}\n`,
    date: time,
    id: `${id}@${from.slice(from.lastIndexOf('@') + 1)}`,
  }
}
