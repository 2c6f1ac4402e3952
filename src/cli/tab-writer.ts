import { stripVTControlCharacters } from 'node:util'

const GAP = 2

/**
 * Aligns lines whose cells end with a tab, as Velero's descriptions are (Go's elastic tabstops): cells that stand below each other in lines
 * without a gap share a width, two blanks are added, and what follows the last tab of a line belongs to no column. Colour codes count as no width.
 */
export function alignTabs(lines: readonly string[]): string[] {
  const rows = lines.map((line) => line.split('\t'))
  const widths: number[][] = rows.map(() => [])
  for (const [start, row] of rows.entries()) {
    for (let column = 0; column < row.length - 1; column += 1) {
      if (widths[start]?.[column] !== undefined) continue
      const block = rows.slice(start, blockEnd(rows, start, column))
      const width = Math.max(...block.map((cells) => widthOf(cells[column] ?? ''))) + GAP
      for (let index = 0; index < block.length; index += 1) widths[start + index]![column] = width
    }
  }
  return rows.map((row, index) => row.map((cell, column) => padded(cell, widths[index]?.[column])).join(''))
}

/** The first row from `start` on that has no such column. */
function blockEnd(rows: readonly (readonly string[])[], start: number, column: number): number {
  let end = start
  while (end < rows.length && column < (rows[end]?.length ?? 0) - 1) end += 1
  return end
}

function padded(cell: string, width: number | undefined): string {
  return width === undefined ? cell : cell + ' '.repeat(width - widthOf(cell))
}

function widthOf(cell: string): number {
  return Array.from(stripVTControlCharacters(cell)).length
}
