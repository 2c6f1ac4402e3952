import type { Results, ResultSet } from '#archive/results.ts'
import type { Line } from '../describe.ts'

/** The `Errors:` and `Warnings:` sections of a description; counts alone when the results file is not to be had. */
export function resultLines(results: Results | undefined, counts: { warnings: number; errors: number }): Line[] {
  return [
    ...section('Warnings', counts.warnings, results?.warnings),
    ...section('Errors', counts.errors, results?.errors),
  ]
}

function section(title: string, count: number, set: ResultSet | undefined): Line[] {
  if (count === 0) return []
  if (set === undefined) return ['', [title, `${count} (the results file could not be read)`]]
  const lines = [...group('Velero', set.velero), ...group('Cluster', set.cluster)]
  const namespaces = Object.entries(set.namespaces ?? {}).flatMap(([namespace, messages]) =>
    group(namespace, messages).map((line) => `  ${line}`),
  )
  return [
    '',
    {
      heading: `${title}:`,
      lines: [...lines, 'Namespaces:' + (namespaces.length === 0 ? '  <none>' : ''), ...namespaces],
    },
  ]
}

function group(name: string, messages: readonly string[] | undefined): string[] {
  if (messages === undefined || messages.length === 0) return [`${name}:  <none>`]
  return [`${name}:`, ...messages.map((message) => `  ${message.trim()}`)]
}
