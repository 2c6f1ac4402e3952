import { type FieldChange, formatPath } from '#items/diff.ts'
import type { Colours } from './colour.ts'

/** Changes as lines for people: the path of each field, then `- old` and `+ new`. At most `most` of them, each value on one line. */
export function changeLines(
  changes: readonly FieldChange[],
  { colours, most }: { colours: Colours; most: number },
): string[] {
  const lines = changes
    .slice(0, most)
    .flatMap((change) => [
      `    ${formatPath(change.path)}`,
      ...('old' in change ? [colours.red(`      - ${valueText(change.old)}`)] : []),
      ...('new' in change ? [colours.green(`      + ${valueText(change.new)}`)] : []),
    ])
  const rest = changes.length - most
  return rest > 0 ? [...lines, `    … and ${rest} more ${rest === 1 ? 'field' : 'fields'}`] : lines
}

/** Changes for programs: the path as text, and the values that there are. */
export function changeDocuments(changes: readonly FieldChange[]): object[] {
  return changes.map(({ path, ...values }) => ({ path: formatPath(path), ...values }))
}

const WIDEST = 160

function valueText(value: unknown): string {
  const text = JSON.stringify(value) ?? 'null'
  return text.length > WIDEST ? `${text.slice(0, WIDEST)}… (${text.length} characters)` : text
}
