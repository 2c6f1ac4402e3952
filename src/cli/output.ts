import { stringify } from 'yaml'
import { print, type CliContext } from './context.ts'
import { choice, type Flag } from './flag.ts'
import { renderTable, type Column } from './table.ts'

export type OutputFormat = 'table' | 'wide' | 'json' | 'yaml'

/** The `-o` flag of every command that shows objects. */
export function outputFlag(): Flag<OutputFormat> {
  return choice('how to print: a table, or the whole objects', ['table', 'wide', 'json', 'yaml'], { short: 'o' })
}

/** Prints objects as `format` says. One object is printed alone, several as a `List` (spec/cli.md §1.5). An empty table says so on one line. */
export function printObjects<T extends object>(
  context: CliContext,
  objects: readonly T[],
  options: { format: OutputFormat | undefined; columns: readonly Column<T>[]; none: string },
): void {
  const { format = 'table', columns, none } = options
  if (format === 'json' || format === 'yaml') {
    printDocument(
      context,
      objects.length === 1 ? objects[0] : { apiVersion: 'v1', kind: 'List', items: objects },
      format,
    )
    return
  }
  if (objects.length === 0) {
    print(context, none)
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
