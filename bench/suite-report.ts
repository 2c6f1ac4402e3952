import { cpus, totalmem } from 'node:os'
import type { Figures } from './figures.ts'
import type { Result } from './report.ts'
import { volumesHead, volumesRows } from './volumes-report.ts'
import type { VolumesResult } from './volumes.ts'

/** A measurement of a suite, and what came of it. */
export interface Measured {
  readonly title: string
  readonly work: 'backup' | 'restore'
  /** By name, whatever a trial has left of it. */
  readonly objects: number
  readonly shape?: 'mixed' | 'namespaces' | 'secrets' | undefined
  readonly case?: 'empty' | 'existing' | 'update' | undefined
  readonly result?: Result | undefined
  readonly failure?: string | undefined
}

/** A measurement of a backup of volumes, and what came of it. */
export interface MeasuredVolumes {
  readonly title: string
  readonly result?: VolumesResult | undefined
  readonly failure?: string | undefined
}

/** What is aimed at, what was found, and whether that is enough; undefined when it was not measured. */
export interface Target {
  readonly aim: string
  readonly found: string
  readonly met: boolean | undefined
}

/** The tables of docs/performance.md, in Markdown. */
export function suiteReport(
  { measured, volumes }: { measured: readonly Measured[]; volumes: readonly MeasuredVolumes[] },
  now: Date,
): string {
  const parts = (['backup', 'restore'] as const).flatMap((work) => {
    const ofWork = measured.filter((one) => one.work === work)
    return ofWork.length === 0 ? [] : [work === 'backup' ? '### Backups' : '### Restores', figuresTable(ofWork)]
  })
  const machine = `${now.toISOString().slice(0, 10)}, ${cpus().length} cores (${cpus()[0]?.model.trim() ?? 'unknown'}), ${Math.round(totalmem() / 1e9)} GB, ${process.platform} ${process.arch}, Node ${process.version}`
  if (volumes.length > 0) parts.push('### Volumes', volumesTable(volumes))
  const targets = [...targetsOf(measured), ...volumes.map(volumesTarget)]
  return [machine, ...parts, '### Targets', targetsTable(targets)].join('\n\n')
}

function figuresTable(measured: readonly Measured[]): string {
  const rows = measured.flatMap(({ title, work, result, failure }) => {
    if (result === undefined) return [[title, failure ?? '', '', '', '', '', '', '']]
    const { ours, raw, peer } = result
    const ratios = [
      `${Math.round(share(ours, raw) * 100)} % of raw`,
      ...(peer === undefined ? [] : [`${times(ours, peer)} × Velero`]),
    ]
    return [
      [title, '**Lifeboat**', ...cells(ours), ratios.join(', ')],
      ...(peer === undefined ? [] : [['', 'Velero', ...cells(peer), '']]),
      ['', work === 'backup' || result.options.case !== 'empty' ? 'raw list' : 'raw create', ...cells(raw), ''],
    ]
  })
  return markdown(['cluster', 'party', 'seconds', 'objects/s', 'CPU s', 'peak RSS', 'API calls', ''], rows)
}

function volumesTable(measured: readonly MeasuredVolumes[]): string {
  const rows = measured.flatMap(({ title, result, failure }) =>
    result === undefined
      ? [[title, failure ?? '', ...volumesHead.slice(1).map(() => '')]]
      : volumesRows(result).map((row, index) => [index === 0 ? title : '', ...row]),
  )
  return markdown(['snapshots', ...volumesHead], rows)
}

function volumesTarget({ title, result }: MeasuredVolumes): Target {
  const aim = `volumes, ${title}: at most 1.3 × what the slowest single snapshot and all at once need`
  return atMost(aim, result && result.ours.seconds / (result.single + result.raw.seconds), 1.3, '×')
}

function cells({ seconds, objectsPerSecond, cpuSeconds, peakRssMB, apiCalls }: Figures): string[] {
  return [
    seconds.toFixed(seconds < 10 ? 2 : 1),
    objectsPerSecond.toLocaleString('en'),
    cpuSeconds.toFixed(1),
    `${peakRssMB.toFixed(0)} MB`,
    apiCalls.toLocaleString('en'),
  ]
}

function targetsTable(targets: readonly Target[]): string {
  const words = (met: boolean | undefined): string => (met === undefined ? 'not measured' : met ? 'met' : '**missed**')
  return markdown(
    ['target', 'measured', ''],
    targets.map(({ aim, found, met }) => [aim, found, words(met)]),
  )
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (row: readonly string[]): string => `| ${row.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

/** Every target of which this suite measures something. */
export function targetsOf(measured: readonly Measured[]): Target[] {
  const works = new Set(measured.map(({ work }) => work))
  return [
    ...(works.has('backup') ? backupTargets(measured) : []),
    ...(works.has('restore') ? restoreTargets(measured) : []),
  ]
}

function backupTargets(measured: readonly Measured[]): Target[] {
  const mixed = (objects: number): Result | undefined =>
    measured.find((one) => one.work === 'backup' && one.objects === objects && one.shape === undefined)?.result
  const [small, middle, large] = [mixed(10_000), mixed(50_000), mixed(200_000)]
  const growth = small && large && large.ours.peakRssMB / small.ours.peakRssMB
  const pages = measured.flatMap(({ work, result }) =>
    work === 'backup' && result !== undefined ? [result.ours.apiCalls / result.raw.apiCalls] : [],
  )
  return [
    atLeast('50,000 mixed: 12 times as fast as Velero', middle?.peer && times(middle.ours, middle.peer), 12, '×'),
    atLeast('50,000 mixed: half of the speed of raw lists', middle && percent(middle.ours, middle.raw), 50, '%'),
    atMost('200,000 mixed: memory at most 1.3 times that of 10,000', growth, 1.3, '×'),
    atMost('200,000 mixed: at most 200 MB', large?.ours.peakRssMB, 200, 'MB'),
    atMost('everywhere: at most 2 calls per page of 500', pages.length === 0 ? undefined : Math.max(...pages), 2, ''),
  ]
}

function restoreTargets(measured: readonly Measured[]): Target[] {
  const of = (objects: number, found: Measured['case']): Result | undefined =>
    measured.find((one) => one.work === 'restore' && one.objects === objects && one.case === found)?.result
  const [empty, existing, large] = [of(10_000, 'empty'), of(10_000, 'existing'), of(50_000, 'empty')]
  const memory = measured.flatMap(({ work, objects, result }) =>
    work === 'restore' && objects === 50_000 && result !== undefined ? [result.ours.peakRssMB] : [],
  )
  return [
    atLeast(
      '10,000 into an empty cluster: 20 times as fast as Velero',
      empty?.peer && times(empty.ours, empty.peer),
      20,
      '×',
    ),
    atLeast('10,000 into an empty cluster: 85 % of raw creates', empty && percent(empty.ours, empty.raw), 85, '%'),
    atLeast('50,000 into an empty cluster: 85 % of raw creates', large && percent(large.ours, large.raw), 85, '%'),
    atLeast(
      '10,000, all existing: 30 times as fast as Velero',
      existing?.peer && times(existing.ours, existing.peer),
      30,
      '×',
    ),
    atMost('50,000: at most 250 MB', memory.length === 0 ? undefined : Math.max(...memory), 250, 'MB'),
  ]
}

function atLeast(aim: string, found: number | undefined, least: number, unit: string): Target {
  return { aim, found: inWords(found, unit), met: found === undefined ? undefined : found >= least }
}

function atMost(aim: string, found: number | undefined, most: number, unit: string): Target {
  return { aim, found: inWords(found, unit), met: found === undefined ? undefined : found <= most }
}

function inWords(found: number | undefined, unit: string): string {
  if (found === undefined) return ''
  return `${Number(found.toFixed(unit === 'MB' ? 0 : 2))} ${unit}`.trim()
}

function share(ours: Figures, raw: Figures): number {
  return ours.objectsPerSecond / raw.objectsPerSecond
}

function percent(ours: Figures, raw: Figures): number {
  return Math.round(share(ours, raw) * 1000) / 10
}

function times(ours: Figures, peer: Figures): number {
  return Math.round(share(ours, peer) * 10) / 10
}
