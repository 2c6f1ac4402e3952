import { alignColumns } from './table.ts'

/** One line of a description: a label with a value, several values under one label, a heading with lines below it, or an empty line. */
export type Line =
  | readonly [label: string, value: string]
  | readonly [label: string, values: readonly string[]]
  | { heading: string; lines: readonly string[] }
  | ''

/** Lays lines out as `velero describe` does: labels on the left, values aligned within each block between empty lines. */
export function renderDescription(lines: readonly Line[]): string {
  const blocks: Line[][] = [[]]
  for (const line of lines) {
    if (line === '') blocks.push([])
    else blocks.at(-1)?.push(line)
  }
  return blocks
    .filter((block) => block.length > 0)
    .map(renderBlock)
    .join('\n')
}

function renderBlock(block: readonly Line[]): string {
  let text = ''
  let pending: [string, string][] = []
  const flush = (): void => {
    text += alignColumns(pending, 2)
    pending = []
  }
  for (const line of block) {
    if (typeof line === 'string') continue
    if ('heading' in line) {
      flush()
      text += [line.heading, ...line.lines.map((below) => `  ${below}`)].map((row) => `${row}\n`).join('')
    } else {
      pending.push(...cells(line))
    }
  }
  flush()
  return text
}

function cells([label, value]: readonly [string, string | readonly string[]]): [string, string][] {
  const values = typeof value === 'string' ? [value] : value
  return values.map((one, index) => [index === 0 ? `${label}:` : '', one])
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

/** A timestamp, or `<n/a>`. */
export function instant(value: unknown): string {
  return typeof value === 'string' ? value : '<n/a>'
}
