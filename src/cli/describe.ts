import { alignTabs } from './tab-writer.ts'

/**
 * One line of a description: text whose cells end with tabs, a label with a value, several values under one label, a heading with lines below it,
 * or an empty line.
 */
export type Line =
  | string
  | readonly [label: string, value: string]
  | readonly [label: string, values: readonly string[]]
  | { readonly heading: string; readonly lines: readonly string[] }

/** Lays lines out as `velero describe` does: labels on the left, the values of neighbouring lines aligned. Several empty lines are one. */
export function renderDescription(lines: readonly Line[]): string {
  const texts = lines.flatMap(textsOf)
  const kept = texts.filter((text, index) => text !== '' || (index > 0 && texts[index - 1] !== ''))
  while (kept.at(-1) === '') kept.pop()
  return alignTabs(kept)
    .map((text) => `${text.trimEnd()}\n`)
    .join('')
}

function textsOf(line: Line): string[] {
  if (typeof line === 'string') return [line]
  if ('heading' in line) return [line.heading, ...indented(line.lines)]
  const [label, value] = line
  const values = typeof value === 'string' ? [value] : value
  return values.map((one, index) => `${index === 0 ? `${label}:` : ''}\t${one}`)
}

/** The lines, `depth` steps of two blanks further to the right. */
export function indented(lines: readonly string[], depth = 1): string[] {
  return lines.map((line) => (line === '' ? '' : '  '.repeat(depth) + line))
}

/** `<none>` for nothing, else the words with commas. */
export function words(list: readonly string[] | null | undefined, none = '<none>'): string {
  return list && list.length > 0 ? list.join(', ') : none
}

/** `<none>` or one `key=value` per entry, sorted. */
export function pairs(map: Readonly<Record<string, string>> | undefined): readonly string[] {
  const entries = Object.entries(map ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return entries.length === 0 ? ['<none>'] : entries.map(([key, value]) => `${key}=${value}`)
}

/** `auto` for a tri-state that was not set. */
export function triState(
  value: boolean | null | undefined,
  words: { on: string; off: string } = { on: 'true', off: 'false' },
): string {
  if (value === null || value === undefined) return 'auto'
  return value ? words.on : words.off
}

/** A timestamp as Velero prints it, `2026-11-27 10:00:00 +0000 UTC`; `none` for one that is not there. */
export function instant(value: unknown, none = '<n/a>'): string {
  const millis = typeof value === 'string' ? Date.parse(value) : Number.NaN
  if (Number.isNaN(millis)) return none
  return `${new Date(millis).toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`
}
