import type { Results, ResultSet } from '#archive/results.ts'
import { indented, type Line } from '../describe.ts'

/** The `Errors:` and `Warnings:` sections of a description; counts alone when the results file is not to be had. */
export function resultLines(results: Results | undefined, counts: { warnings: number; errors: number }): Line[] {
  if (results === undefined) return countLines(counts)
  return [
    ...section('Warnings', counts.warnings, results.warnings),
    ...section('Errors', counts.errors, results.errors),
  ]
}

function countLines({ warnings, errors }: { warnings: number; errors: number }): Line[] {
  if (warnings + errors === 0) return []
  return ['', ['Errors', String(errors)], ['Warnings', String(warnings)]]
}

function section(title: string, count: number, set: ResultSet | undefined): Line[] {
  if (count === 0 || set === undefined) return []
  const namespaces = Object.entries(set.namespaces ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const lines = [
    ...group('Velero', set.velero ?? []),
    ...group('Cluster', set.cluster ?? []),
    namespaces.length === 0 ? 'Namespaces: <none>' : 'Namespaces:',
    ...namespaces.flatMap(([namespace, messages]) => indented(group(namespace, messages))),
  ]
  return ['', { heading: `${title}:`, lines }]
}

function group(name: string, messages: readonly string[]): string[] {
  // Below what stands beside `Namespaces:`.
  if (messages.length === 0) return [`${name}:\t  <none>`]
  return messages.map((message, index) => `${index === 0 ? `${name}:` : ''}\t${message}`)
}
