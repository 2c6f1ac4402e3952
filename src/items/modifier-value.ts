import { exactNumber } from './json.ts'

/** A number as JSON writes it. */
const jsonNumber = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/

/**
 * What the text of a `value` in a resource modifier stands for (spec/restore §7): `null`, `true`, `false`, a number, or JSON when it starts
 * with `{` or `[`; anything else, or something in double quotes, is text. Text may hold JSON's escapes, since Velero pastes it
 * into JSON; where that would not be JSON any more, it is taken as it stands. Undefined for broken JSON.
 */
export function modifierValue(text: string): { readonly value: unknown } | undefined {
  if (text.length >= 2 && text.startsWith('"') && text.endsWith('"')) return { value: pasted(text.slice(1, -1)) }
  if (text === 'null') return { value: null }
  if (['true', 'false'].includes(text.toLowerCase())) return { value: text.toLowerCase() === 'true' }
  if (jsonNumber.test(text)) return { value: exactNumber(text) }
  return /^[{[]/.test(text) ? parsed(text) : { value: pasted(text) }
}

function pasted(text: string): string {
  try {
    return String(JSON.parse(`"${text}"`))
  } catch {
    return text
  }
}

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: parseExactly(text) }
  } catch {
    return undefined
  }
}

type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown

/** JSON without rounding: kube/ does the same for what the API server sends. */
function parseExactly(text: string): unknown {
  // TypeScript's library does not know the third argument yet.
  const { parse } = JSON as unknown as { parse: (text: string, reviver: Reviver) => unknown }
  return parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined ? exactNumber(source) : value,
  )
}
