import { coverage, isRestorable, type Coverage } from '#doctor/coverage.ts'
import type { ClusterFacts, StoreFacts } from '#doctor/facts.ts'
import { severities, type Finding, type Severity } from '#doctor/finding.ts'
import { coloursOf } from '../colour.ts'
import type { CliContext } from '../context.ts'
import { renderTable } from '../table.ts'
import { counted, formatAge } from '../units.ts'

/** What `doctor -o json` prints. */
export interface DoctorReport {
  readonly stores: readonly { place: string; backups: number; restorable: number; verifiedObjects: number }[]
  /** The API server that was looked at; absent when none was. */
  readonly cluster?: string | undefined
  /** The last good backup of each namespace that has one. */
  readonly namespaces: readonly Coverage[]
  readonly findings: readonly Finding[]
}

/** The report on what was seen and found. */
export function doctorReport({
  stores,
  cluster,
  found,
}: {
  stores: readonly StoreFacts[]
  cluster: ClusterFacts | undefined
  found: readonly Finding[]
}): DoctorReport {
  return {
    stores: stores.map(({ place, backups }) => ({
      place,
      backups: backups.length,
      restorable: backups.filter(isRestorable).length,
      verifiedObjects: backups.reduce((sum, { verified = 0 }) => sum + verified, 0),
    })),
    cluster: cluster?.server,
    namespaces: coverage(stores),
    findings: found,
  }
}

/** The report for people: findings with what to do, the last good backups, and a line for the sum. */
export function doctorLines(report: DoctorReport, context: CliContext): string {
  const colours = coloursOf(context)
  const paint: Record<Severity, (text: string) => string> = {
    critical: colours.red,
    warning: colours.yellow,
    note: (text) => text,
  }
  const told = report.findings.map(
    ({ severity, subject, message, next }) => `${paint[severity](severity)}: ${subject}: ${message}\n    ${next}\n`,
  )
  const now = context.now()
  const table = renderTable<Coverage>(
    [
      { heading: 'NAMESPACE', text: ({ namespace }) => namespace },
      { heading: 'LAST GOOD BACKUP', text: ({ backup }) => backup },
      {
        heading: 'COMPLETED',
        text: ({ completed, complete }) => (complete ? completed : `${completed} (with errors)`),
      },
      { heading: 'AGE', text: ({ completed }) => formatAge(new Date(completed), now) },
    ],
    report.namespaces,
  )
  const parts = [told.join(''), report.namespaces.length === 0 ? '' : table, sum(report)]
  return parts.filter((part) => part !== '').join('\n')
}

function sum({ stores, findings }: DoctorReport): string {
  const places = stores.map(({ place, backups, restorable, verifiedObjects }) => {
    const verified = verifiedObjects === 0 ? '' : `, ${counted(verifiedObjects, 'object')} as their manifests say`
    return `${place}: ${counted(backups, 'backup')}, ${restorable} of them can be restored${verified}\n`
  })
  const counts = severities.map((severity) => {
    const count = findings.filter((finding) => finding.severity === severity).length
    return severity === 'critical' ? `${count} critical` : counted(count, severity)
  })
  return `${places.join('')}${counts.join(', ')}\n`
}
