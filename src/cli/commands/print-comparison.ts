import type { Comparison, ObjectDifference } from '#restore/comparison.ts'
import { changeDocuments, changeLines } from '../change-lines.ts'
import { type Colours, coloursOf } from '../colour.ts'
import { print, type CliContext } from '../context.ts'
import { toYaml } from '../output.ts'
import { renderTable } from '../table.ts'
import { counted, formatCount } from '../units.ts'

interface Printing {
  /** How the two sides are called. */
  readonly sides: { readonly left: string; readonly right: string }
  readonly format: 'table' | 'json' | 'yaml'
  readonly context: CliContext
}

/** Prints what differs: a summary and the first differences, or each with `-o json|yaml`, as they come. True when anything differs. */
export async function printComparison(comparison: Comparison, printing: Printing): Promise<boolean> {
  if (printing.format === 'table') print(printing.context, await summary(comparison, printing))
  else await printEach(comparison, { ...printing, format: printing.format })
  return comparison.counts.compared > comparison.counts.equal
}

const sideWords = { 'left-only': 'only-left', 'right-only': 'only-right', both: 'different' } as const

async function printEach(
  { differences, counts, findings }: Comparison,
  { sides, format, context }: Printing & { format: 'json' | 'yaml' },
): Promise<void> {
  const json = format === 'json'
  print(
    context,
    json ? `{\n${members(sides)},\n"differences": [` : toYaml({ ...sides, differences: [] }).replace(' []', ''),
  )
  let before = ''
  for await (const { side, changes, ...object } of differences) {
    const line = {
      ...object,
      difference: sideWords[side],
      ...(side === 'both' ? { changes: changeDocuments(changes) } : {}),
    }
    context.stdout.write(json ? `${before}${JSON.stringify(line)}` : toYaml([line]))
    before = ',\n'
  }
  const tail = { compared: counts.compared, equal: counts.equal, findings }
  print(context, json ? `\n],\n${members(tail)}\n}` : toYaml(tail))
}

/** The members of a JSON object, one to a line. */
function members(object: object): string {
  return Object.entries(object)
    .map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`)
    .join(',\n')
}

/** How many objects, and fields of each, a summary shows. */
const FEW_OBJECTS = 30
const FEW_FIELDS = 12

type Row = Record<ObjectDifference['side'], number>

async function summary({ differences, counts, findings }: Comparison, { sides, context }: Printing): Promise<string> {
  const rows = new Map<string, Row>()
  const shown: string[] = []
  let differing = 0
  for await (const difference of differences) {
    differing += 1
    const row = rows.get(difference.resource) ?? { 'left-only': 0, 'right-only': 0, both: 0 }
    row[difference.side] += 1
    rows.set(difference.resource, row)
    if (differing <= FEW_OBJECTS) shown.push(lines(difference, coloursOf(context)))
  }
  if (differing > FEW_OBJECTS) shown.push(`… and ${formatCount(differing - FEW_OBJECTS)} more: -o json shows each\n`)
  return [
    rows.size === 0 ? '' : table(rows, sides),
    ...shown,
    findings.map((finding) => `Warning: ${finding}\n`).join(''),
    `${capital(counted(counts.compared, 'object'))} compared, ${formatCount(counts.equal)} the same, ${formatCount(differing)} different.\n`,
  ]
    .filter((part) => part !== '')
    .join('\n')
}

function table(rows: ReadonlyMap<string, Row>, { left, right }: Printing['sides']): string {
  const column = (heading: string, side: ObjectDifference['side']) => ({
    heading,
    text: ([, row]: [string, Row]) => (row[side] === 0 ? '' : formatCount(row[side])),
  })
  return renderTable(
    [
      { heading: 'TYPE', text: ([resource]) => resource },
      column(`ONLY IN ${left}`, 'left-only'),
      column(`ONLY IN ${right}`, 'right-only'),
      column('DIFFERENT', 'both'),
    ],
    [...rows].toSorted(([a], [b]) => (a < b ? -1 : 1)),
  )
}

function lines({ side, resource, namespace, name, changes }: ObjectDifference, colours: Colours): string {
  const address = [resource, namespace, name].filter((part) => part !== undefined).join('/')
  const head = {
    'left-only': colours.red(`- ${address}`),
    'right-only': colours.green(`+ ${address}`),
    both: colours.yellow(`~ ${address}`),
  }[side]
  return [head, ...changeLines(changes, { colours, most: FEW_FIELDS })].map((line) => `${line}\n`).join('')
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
