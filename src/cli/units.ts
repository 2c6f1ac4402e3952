/** `0.8 s`, `12 s`, `3m20s`, `2h05m`. */
export function formatMillis(millis: number): string {
  const seconds = millis / 1000
  if (seconds < 10) return `${seconds.toFixed(1)} s`
  if (seconds < 60) return `${Math.round(seconds)} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, '0')}s`
  return `${Math.floor(whole / 3600)}h${String(Math.floor((whole % 3600) / 60)).padStart(2, '0')}m`
}

/** `512 B`, `3.4 MiB`; powers of 1024. */
export function formatBytes(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`
  const units = ['KiB', 'MiB', 'GiB', 'TiB']
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), units.length)
  return `${(bytes / 1024 ** power).toFixed(1)} ${units[power - 1] ?? ''}`
}

/** `12,345`. */
export function formatCount(count: number): string {
  return count.toLocaleString('en-US')
}

/** `1 warning`, `2,345 warnings`, `no warnings`. */
export function counted(count: number, noun: string): string {
  if (count === 0) return `no ${noun}s`
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`
}

/** How long ago or ahead `instant` is, in Velero's short form: `45s`, `12m`, `5h`, `29d`, `2y`. */
export function formatAge(instant: Date, now: Date): string {
  const seconds = Math.floor(Math.abs(now.getTime() - instant.getTime()) / 1000)
  if (seconds < 60) return `${seconds}s`
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`
  const days = Math.floor(seconds / 86_400)
  return days < 365 ? `${days}d` : `${Math.floor(days / 365)}y`
}
