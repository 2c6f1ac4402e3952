import type { Restore } from '#api/restore.ts'
import { gitOpsOwnerText } from '#items/gitops.ts'
import type { PlannedAction, PlannedObject, RestorePreview } from '#restore/preview.ts'
import { changeDocuments, changeLines } from '../change-lines.ts'
import { type Colours, coloursOf } from '../colour.ts'
import { print, type CliContext } from '../context.ts'
import { OK, PARTIAL, type ExitCode } from '../exit.ts'
import { toYaml, type OutputFormat } from '../output.ts'
import { hookTable } from './hook-table.ts'
import { renderTable } from '../table.ts'
import { counted, formatCount } from '../units.ts'

type Reason = NonNullable<PlannedObject['because']>

/** Why objects are left as they are, or out, for people. */
const sentences: Readonly<Record<Reason, string>> = {
  equal: 'there, and the same as in the backup',
  'service-account-has-all': 'a ServiceAccount that has all that the backup would add',
  'left-to-git': 'kept by Argo CD or Flux',
  'kept-by-its-controller': 'different, and kept so by its controller',
  'being-deleted': 'being deleted already',
  'never-deleted': 'extra, and of a type of which nothing is deleted',
  'holds-data': 'extra, and holds data',
  'made-by-the-cluster': 'extra, and made by the cluster itself',
  'owner-remains': 'extra, and of an owner that stays',
  'kept-after-errors': 'extra, and kept since others cannot be restored',
  'goes-with-its-owner': 'extra, and deleted with its owner',
  'namespace-exists': 'a namespace that is there: it is used as it is',
  'never-restored': 'of a type that no restore brings back',
  'type-excluded': 'of an excluded type',
  'type-not-included': 'of a type that is not included',
  'namespace-left-out': 'in a namespace that the restore leaves out',
  'cluster-scope-left-out': 'cluster-scoped, and the restore takes a part of the backup',
  'selector-mismatch': 'without the labels that the selector asks for',
  finished: 'a pod or job that had ended',
  'mirror-pod': 'a static pod, which its node makes',
  'provisioned-anew': 'a volume that is provisioned anew for its claim',
  'needs-native-snapshot': "a volume whose data are in a provider's snapshot",
  'place-taken': 'to come where an object of another namespace comes',
  'token-of-live-service-account': 'a token that the cluster makes itself',
  'automanaged-api-service': 'an APIService that the cluster makes itself',
  'left-out-by-plug-in': 'left out by a plug-in',
  'snapshot-not-wanted': 'for volumes, which the restore does not bring back',
}

interface Printing {
  readonly restore: Restore
  readonly context: CliContext
}

/** What all objects come to. */
interface Totals {
  objects: number
  errors: number
  warnings: number
  readonly actions: Record<PlannedAction, number>
}

/**
 * Prints the plan of a restore: a summary and what is notable, or each object with `-o json|yaml`, as they come, so that memory
 * does not grow with them. Gives the exit code that the restore would have.
 */
export async function printRestorePreview(
  preview: RestorePreview,
  { format, ...printing }: Printing & { format: OutputFormat | undefined },
): Promise<ExitCode> {
  const totals = nothingYet()
  const objects = counting(preview, totals)
  if (format === 'json' || format === 'yaml') await printEach({ ...preview, objects }, { ...printing, format, totals })
  else print(printing.context, await summary({ ...preview, objects }, totals, coloursOf(printing.context)))
  return totals.errors > 0 ? PARTIAL : OK
}

/** The summary of a plan as text, and how many objects would be deleted for good and deleted to be made anew. */
export async function summarizePlan(
  preview: RestorePreview,
  context: CliContext,
): Promise<{ text: string; deleted: number; recreated: number }> {
  const totals = nothingYet()
  const text = await summary({ ...preview, objects: counting(preview, totals) }, totals, coloursOf(context))
  return { text, deleted: totals.actions.delete, recreated: totals.actions.recreate }
}

function nothingYet(): Totals {
  return { objects: 0, errors: 0, warnings: 0, actions: noActions() }
}

function noActions(): Record<PlannedAction, number> {
  return { create: 0, update: 0, recreate: 0, delete: 0, skip: 0, conflict: 0 }
}

/** The objects, counted on their way; the findings are counted at the end. */
async function* counting({ objects, findings }: RestorePreview, totals: Totals): AsyncGenerator<PlannedObject> {
  for await (const object of objects) {
    totals.objects += 1
    totals.actions[object.action] += 1
    for (const { severity } of object.remarks) totals[`${severity}s`] += 1
    yield object
  }
  for (const { level } of findings) if (level === 'warning' || level === 'error') totals[`${level}s`] += 1
}

/** One document: the objects, one to a line in JSON, then what is known only after the last. */
async function printEach(
  { objects, hooks, findings }: RestorePreview,
  { restore, format, context, totals }: Printing & { format: 'json' | 'yaml'; totals: Totals },
): Promise<void> {
  const head = { restore: restore.metadata.name, backup: restore.spec.backupName }
  const json = format === 'json'
  print(context, json ? `{\n${members(head)},\n"objects": [` : toYaml({ ...head, objects: [] }).replace(' []', ''))
  let before = ''
  for await (const object of objects) {
    const line = documentOf(object)
    context.stdout.write(json ? `${before}${JSON.stringify(line)}` : toYaml([line]))
    before = ',\n'
  }
  const tail = { hooks, findings, errors: totals.errors, warnings: totals.warnings, phase: phaseOf(totals) }
  print(context, json ? `\n],\n${members(tail)}\n}` : toYaml(tail))
}

/** The members of a JSON object, one to a line. */
function members(object: object): string {
  return Object.entries(object)
    .map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`)
    .join(',\n')
}

function documentOf({ kind, changes, because, keptByGit, unchecked, remarks, ...object }: PlannedObject): object {
  return {
    ...kind,
    ...object,
    reason: because,
    keptByGit: keptByGit && gitOpsOwnerText(keptByGit),
    unchecked,
    ...(remarks.length === 0 ? {} : { remarks }),
    ...(changes.length === 0 ? {} : { changes: changeDocuments(changes) }),
  }
}

function phaseOf({ errors }: Totals): string {
  return errors > 0 ? 'PartiallyFailed' : 'Completed'
}

/** How many objects, and fields of each, a summary shows. */
const FEW_OBJECTS = 30
const FEW_FIELDS = 12

async function summary(
  { objects, hooks, findings }: RestorePreview,
  totals: Totals,
  colours: Colours,
): Promise<string> {
  const counts = new Map<string, Record<PlannedAction, number>>()
  const skipped = new Map<Reason, number>()
  const unchecked = new Map<string, number>()
  const byGit = new Map<string, number>()
  const notable: string[] = []
  let shown = 0
  for await (const object of objects) {
    if (object.action === 'skip' && object.because !== undefined) add(skipped, object.because)
    else addAction(counts, object)
    if (object.unchecked !== undefined) add(unchecked, object.unchecked)
    if (object.keptByGit !== undefined) add(byGit, gitOpsOwnerText(object.keptByGit))
    if (object.action === 'create' || (object.action === 'skip' && object.remarks.length === 0)) continue
    shown += 1
    if (shown <= FEW_OBJECTS) notable.push(notableLines(object, colours))
  }
  if (shown > FEW_OBJECTS) notable.push(`… and ${formatCount(shown - FEW_OBJECTS)} more: -o json shows each\n`)
  return [
    countsTable(counts),
    reasonTable(
      'LEFT ALONE, BECAUSE IT IS',
      [...skipped].map(([reason, count]) => [sentences[reason], count]),
    ),
    reasonTable('NOT ASKED OF THE API SERVER, BECAUSE', [...unchecked]),
    reasonTable('KEPT BY GIT, WHICH MAY UNDO A CHANGE', [...byGit]),
    hookTable(hooks.map((hook) => ({ ...hook, when: hook.how }))),
    ...notable,
    findings.map(({ level, text }) => `${capital(level)}: ${text}\n`).join(''),
    closing(totals),
  ]
    .filter((part) => part !== '')
    .join('\n')
}

function addAction(counts: Map<string, Record<PlannedAction, number>>, { resource, action }: PlannedObject): void {
  const row = counts.get(resource) ?? noActions()
  row[action] += 1
  counts.set(resource, row)
}

function add<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

/** The columns of the table; those that need a wish of their own are shown when there is something in them. */
const actions: readonly PlannedAction[] = ['create', 'update', 'recreate', 'delete', 'conflict']
const always: readonly PlannedAction[] = ['create', 'update', 'conflict']

function countsTable(counts: ReadonlyMap<string, Record<PlannedAction, number>>): string {
  const rows = [...counts].toSorted(([a], [b]) => (a < b ? -1 : 1))
  const column = (action: PlannedAction) => ({
    heading: action.toUpperCase(),
    text: ([, row]: (typeof rows)[number]) => (row[action] === 0 ? '' : formatCount(row[action])),
  })
  if (rows.length === 0) return ''
  const shown = actions.filter((action) => always.includes(action) || rows.some(([, row]) => row[action] > 0))
  return renderTable([{ heading: 'TYPE', text: ([resource]) => resource }, ...shown.map(column)], rows)
}

function reasonTable(heading: string, reasons: readonly (readonly [string, number])[]): string {
  if (reasons.length === 0) return ''
  return renderTable(
    [
      { heading, text: ([reason]) => reason },
      { heading: 'OBJECTS', text: ([, count]) => formatCount(count) },
    ],
    reasons.toSorted(([, a], [, b]) => b - a),
  )
}

function notableLines(
  { action, resource, namespace, name, remarks, changes }: PlannedObject,
  colours: Colours,
): string {
  const address = [resource, namespace, name].filter((part) => part !== undefined).join('/')
  const head = action === 'conflict' ? colours.red(action) : colours.yellow(action)
  const lines = [
    `${head} ${address}`,
    ...remarks.map(({ severity, message }) => `    ${severity}: ${message}`),
    ...changeLines(changes, { colours, most: FEW_FIELDS }),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function closing(totals: Totals): string {
  const { create, update, recreate, delete: deleted, conflict } = totals.actions
  const parts = [
    `${counted(create, 'object')} would be created`,
    `${formatCount(update)} updated`,
    ...(recreate > 0 ? [`${formatCount(recreate)} deleted and made anew`] : []),
    ...(deleted > 0 ? [`${formatCount(deleted)} deleted`] : []),
    `${formatCount(totals.actions.skip)} left alone`,
    `${formatCount(conflict)} in conflict`,
  ]
  const outcome = `The restore would be ${phaseOf(totals)}: ${counted(totals.errors, 'error')}, ${counted(totals.warnings, 'warning')}.`
  return `${capital(parts.join(', '))}. ${outcome} Nothing was written.\n`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
