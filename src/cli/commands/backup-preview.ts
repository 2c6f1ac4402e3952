import type { Backup } from '#api/backup.ts'
import type { BackupPreview, PreviewedObject, PreviewedType, PreviewedVolume, PreviewFinding } from '#backup/preview.ts'
import { print, type CliContext } from '../context.ts'
import { hookTable } from './hook-table.ts'
import { toYaml, type OutputFormat } from '../output.ts'
import { renderTable } from '../table.ts'
import { counted, formatCount } from '../units.ts'

type LeaveReason = Extract<PreviewedObject['decision'], { leave: unknown }>['leave']

/** Why objects stay out, for people. */
const sentences: Readonly<Record<LeaveReason, string>> = {
  'labelled-out': 'labelled velero.io/exclude-from-backup=true',
  'being-deleted': 'being deleted',
  'namespace-left-out': 'in a namespace that the backup leaves out',
  'selector-mismatch': 'without the labels that the selector asks for',
  'namespace-not-active': 'a namespace that is not active',
  'namespace-without-selected-items': 'a namespace in which the selector takes nothing',
  'not-served': 'of a type that is not served',
  'cannot-be-backed-up': 'of a type that cannot be backed up',
  'not-preferred': 'of a version that is not the preferred one',
  'seen-under-other-group': 'shown by another group as well',
  'type-excluded': 'of an excluded type',
  'type-not-included': 'of a type that is not included',
  'cluster-scope-left-out': 'cluster-scoped, and the backup takes a part of the cluster',
  'made-meanwhile': 'made or changed while this was computed',
}

/** Prints a preview: a summary, or each object with `-o json|yaml`. Objects are printed as they come, so memory does not grow with them. */
export async function printPreview(
  preview: BackupPreview,
  options: { backup: Backup; format: OutputFormat | undefined; context: CliContext },
): Promise<void> {
  const { format, context } = options
  if (format === 'json' || format === 'yaml') await printEach(preview, format, options)
  else print(context, await summary(preview))
}

/** One document: the objects, one to a line in JSON, then what is known only after the last. */
async function printEach(
  { objects, types, volumes, hooks, findings }: BackupPreview,
  format: 'json' | 'yaml',
  { backup, context }: { backup: Backup; context: CliContext },
): Promise<void> {
  const { name } = backup.metadata
  const json = format === 'json'
  print(
    context,
    json
      ? `{\n"backup": ${JSON.stringify(name)},\n"objects": [`
      : toYaml({ backup: name, objects: [] }).replace(' []', ''),
  )
  let before = ''
  for await (const { decision, ...object } of objects) {
    const line =
      'take' in decision
        ? { ...object, decision: 'take', how: decision.take }
        : { ...object, decision: 'leave', reason: decision.leave }
    if (json) context.stdout.write(`${before}${JSON.stringify(line)}`)
    else context.stdout.write(toYaml([line]))
    before = ',\n'
  }
  if (!json) return print(context, toYaml({ types, volumes, hooks, findings }))
  const parts = Object.entries({ types, volumes, hooks, findings }).map(
    ([key, part]) => `"${key}": ${JSON.stringify(part)}`,
  )
  print(context, `\n],\n${parts.join(',\n')}\n}`)
}

async function summary({ objects, types, volumes, hooks, findings }: BackupPreview): Promise<string> {
  const taken = new Map<string, { listed: number; related: number }>()
  const left = new Map<LeaveReason, Map<string, number>>()
  let [goesIn, staysOut] = [0, 0]
  for await (const { resource, decision } of objects) {
    if ('take' in decision) {
      goesIn += 1
      const counts = taken.get(resource) ?? { listed: 0, related: 0 }
      counts[decision.take] += 1
      taken.set(resource, counts)
    } else {
      staysOut += 1
      const counts = left.get(decision.leave) ?? new Map<string, number>()
      counts.set(resource, (counts.get(resource) ?? 0) + 1)
      left.set(decision.leave, counts)
    }
  }
  const close = `${capital(counted(goesIn, 'object'))} would go in, ${staysOut === 0 ? 'none stays' : `${formatCount(staysOut)} would stay`} out. Nothing was written.\n`
  return [
    takenTable(taken),
    leftTable(left),
    volumeTable(volumes),
    hookTable(hooks),
    typeLines(types),
    findingLines(findings),
    close,
  ]
    .filter((part) => part !== '')
    .join('\n')
}

function takenTable(taken: ReadonlyMap<string, { listed: number; related: number }>): string {
  if (taken.size === 0) return ''
  const rows = [...taken].toSorted(([a], [b]) => (a < b ? -1 : 1))
  return renderTable(
    [
      { heading: 'GOES IN', text: ([resource]) => resource },
      { heading: 'OBJECTS', text: ([, { listed, related }]) => formatCount(listed + related) },
      { heading: 'BROUGHT BY OTHERS', text: ([, { related }]) => (related === 0 ? '' : formatCount(related)) },
    ],
    rows,
  )
}

function leftTable(left: ReadonlyMap<LeaveReason, ReadonlyMap<string, number>>): string {
  if (left.size === 0) return ''
  const rows = [...left]
    .map(([reason, counts]) => ({ reason, counts, total: sum(counts.values()) }))
    .toSorted((a, b) => b.total - a.total)
  return renderTable(
    [
      { heading: 'STAYS OUT, BECAUSE IT IS', text: ({ reason }) => sentences[reason] },
      { heading: 'OBJECTS', text: ({ total }) => formatCount(total) },
      { heading: 'MOST OF THEM', text: ({ counts }) => mostOf(counts) },
    ],
    rows,
  )
}

const FEW = 4

function mostOf(counts: ReadonlyMap<string, number>): string {
  const most = [...counts].toSorted(([, a], [, b]) => b - a)
  const named = most.slice(0, FEW).map(([resource, count]) => `${formatCount(count)} ${resource}`)
  return most.length > FEW ? `${named.join(', ')} …` : named.join(', ')
}

/** Each volume: people look for one. */
function volumeTable(volumes: readonly PreviewedVolume[]): string {
  if (volumes.length === 0) return ''
  return renderTable(
    [
      { heading: 'VOLUME', text: ({ claim, volume = '' }) => (claim ? `${claim.namespace}/${claim.name}` : volume) },
      { heading: 'DATA', text: ({ by }) => (by === 'nothing' ? 'left out' : 'snapshot') },
      { heading: 'HOW, OR WHY NOT', text: ({ text }) => text },
    ],
    volumes,
  )
}

function typeLines(types: readonly PreviewedType[]): string {
  const named = (reason: PreviewedType['reason']): string =>
    types
      .filter((type) => type.reason === reason)
      .map((type) => type.resource)
      .join(', ')
  const refused = named('cannot-be-backed-up')
  const doubled = named('seen-under-other-group')
  return [
    ...(refused === '' ? [] : [`Types that cannot be backed up: ${refused}\n`]),
    ...(doubled === '' ? [] : [`Types whose objects another group shows as well: ${doubled}\n`]),
  ].join('')
}

function findingLines(findings: readonly PreviewFinding[]): string {
  return findings.map(({ level, text }) => `${capital(level)}:${text}\n`).join('')
}

function sum(numbers: Iterable<number>): number {
  let total = 0
  for (const number of numbers) total += number
  return total
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
