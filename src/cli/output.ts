import { stringify } from 'yaml'
import { note, print, type CliContext } from './context.ts'
import { pairs } from './describe.ts'
import { choice, list, toggle, type Flag, type FlagValues } from './flag.ts'
import { renderTable, type Column } from './table.ts'

export type OutputFormat = 'table' | 'wide' | 'json' | 'yaml'

/** The `-o` flag of every command that shows objects. */
export function outputFlag(formats: readonly OutputFormat[] = ['table', 'wide', 'json', 'yaml']): Flag<OutputFormat> {
  return choice('how to print: a table, or the whole objects', formats, { short: 'o' })
}

/** The flags of tables of labelled objects (spec/cli.md §1.5). */
export const tableFlags = {
  output: outputFlag(),
  'label-columns': list('labels to show as columns', { short: 'L', metavar: 'LABEL,…' }),
  'show-labels': toggle('show all labels in the last column'),
}

/** Prints objects as `format` says. One object is printed alone, several as the list that the API server would give (spec/cli.md §1.5). What an empty table means is for people. */
export function printObjects<T extends object>(
  context: CliContext,
  objects: readonly T[],
  options: {
    format: OutputFormat | undefined
    columns: readonly Column<T>[]
    none: string
    /** What the objects are, where a list of them has a kind of its own. */
    type?: { readonly apiVersion: string; readonly kind: string }
  },
): void {
  const { format = 'table', columns, none, type = { apiVersion: 'v1', kind: '' } } = options
  if (format === 'json' || format === 'yaml') {
    const list = { apiVersion: type.apiVersion, kind: `${type.kind}List`, items: objects }
    printDocument(context, objects.length === 1 ? objects[0] : list, format)
    return
  }
  if (objects.length === 0) {
    note(context, none)
    return
  }
  print(
    context,
    renderTable(
      columns.filter((column) => format === 'wide' || column.wide !== true),
      objects,
    ),
  )
}

/** As kubectl's: a column for each named label, headed by the last part of its key, and one for all. */
export function labelColumns<T extends { readonly metadata: { readonly labels?: Labels } }>(
  wanted: Pick<FlagValues<typeof tableFlags>, 'label-columns' | 'show-labels'>,
): Column<T>[] {
  const each = (wanted['label-columns'] ?? []).map((key): Column<T> => ({
    heading: (key.split('/').at(-1) ?? '').toUpperCase(),
    text: ({ metadata }) => metadata.labels?.[key] ?? '',
  }))
  const all: Column<T> = { heading: 'LABELS', text: ({ metadata }) => pairs(metadata.labels).join(',') }
  return wanted['show-labels'] === true ? [...each, all] : each
}

type Labels = Readonly<Record<string, string>> | undefined

/** Prints one document. */
export function printDocument(context: CliContext, document: unknown, format: 'json' | 'yaml'): void {
  print(context, format === 'json' ? JSON.stringify(document, null, 2) : toYaml(document))
}

/** YAML without line folding and without anchors, so that kubectl and people read it alike. Big integers stay exact. */
export function toYaml(document: unknown): string {
  const exact = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    Number.isInteger(value) && !Number.isSafeInteger(value) && context?.source !== undefined
      ? BigInt(context.source)
      : value
  return stringify(JSON.parse(JSON.stringify(document), exact), { lineWidth: 0, aliasDuplicateObjects: false })
}
