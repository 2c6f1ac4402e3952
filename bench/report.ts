import type { Figures } from './figures.ts'
import type { BenchOptions } from './options.ts'

/** What a measurement found. */
export interface Result {
  work: 'backup' | 'restore'
  options: BenchOptions
  ours: Figures
  /** The same work by the barest calls there are. */
  raw: Figures
  peer: Figures | undefined
}

/** One line of JSON. */
export function jsonReport({ work, options, ours, raw, peer }: Result): string {
  const { objects, store, door, runs } = options
  return JSON.stringify({ work, objects, store, door, runs, ours, raw, ...(peer === undefined ? {} : { peer }) })
}

/** A table, and the ratios in words. */
export function tableReport({ work, options, ours, raw, peer }: Result): string {
  const { objects, store, door, runs } = options
  const place = `${work === 'backup' ? 'into' : 'from'} ${store === 'dir' ? 'a directory' : 'an S3 server'}`
  const who = door === 'cli' ? 'lifeboat --store' : 'lifeboat server'
  const rows = [
    ['', 'seconds', 'objects/s', 'peak RSS', 'CPU s', 'API calls'],
    row(who, ours),
    row(work === 'restore' && options.case === 'empty' ? 'raw: 64 creates at once' : 'raw: lists in sequence', raw),
    ...(peer === undefined ? [] : [row('velero server, S3', peer)]),
  ]
  const found = { empty: '', existing: ', all existing', update: ', a tenth updated' }[options.case]
  return [
    `${work}${found} of a cluster filled with ${objects} objects ${place}, median of ${runs}`,
    ...aligned(rows),
    ...(work === 'backup' ? [`${(ours.apiCalls / raw.apiCalls).toFixed(2)} calls for each page of 500`] : []),
    `${percent(ours, raw)} % of the raw speed${peer === undefined ? '' : `, ${times(ours, peer)} times Velero's speed`}`,
  ].join('\n')
}

function row(who: string, { seconds, objectsPerSecond, peakRssMB, cpuSeconds, apiCalls }: Figures): string[] {
  return [
    who,
    seconds.toFixed(2),
    `${objectsPerSecond}`,
    `${peakRssMB.toFixed(0)} MB`,
    cpuSeconds.toFixed(2),
    `${apiCalls}`,
  ]
}

/** Rows of a table, the first column to the left. */
export function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0)))
  return rows.map((cells) =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  )
}

function percent(ours: Figures, raw: Figures): number {
  return Math.round((100 * ours.objectsPerSecond) / raw.objectsPerSecond)
}

function times(ours: Figures, peer: Figures): string {
  return (ours.objectsPerSecond / peer.objectsPerSecond).toFixed(1)
}
