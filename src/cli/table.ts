import { stripVTControlCharacters } from 'node:util'

/** One column: its heading and the text of a row. Columns marked `wide` are shown with `-o wide` only. */
export interface Column<T> {
  readonly heading: string
  readonly wide?: boolean
  text(row: T): string
}

/** Columns two blanks apart, the last one ragged, one line per row, as kubectl prints. Colour codes count as no width. */
export function renderTable<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const lines = [
    columns.map((column) => column.heading),
    ...rows.map((row) => columns.map((column) => column.text(row))),
  ]
  return alignColumns(lines, 3)
}

/** Pads every cell but the last of each line to the width of its column plus `gap`. Ends with a line feed unless empty. */
export function alignColumns(lines: readonly (readonly string[])[], gap: number): string {
  const widths: number[] = []
  for (const line of lines) {
    for (const [index, cell] of line.slice(0, -1).entries()) widths[index] = Math.max(widths[index] ?? 0, width(cell))
  }
  return lines.map((line) => `${padded(line, widths, gap).trimEnd()}\n`).join('')
}

function padded(line: readonly string[], widths: readonly number[], gap: number): string {
  return line
    .map((cell, index) =>
      index === line.length - 1 ? cell : cell + ' '.repeat((widths[index] ?? 0) + gap - width(cell)),
    )
    .join('')
}

function width(cell: string): number {
  return stripVTControlCharacters(cell).length
}
