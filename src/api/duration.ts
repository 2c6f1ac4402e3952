import { ApiError } from './error.ts'

const nanosecondsPer: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1_000n,
  µs: 1_000n, // U+00B5, the micro sign
  μs: 1_000n, // U+03BC, the Greek letter
  ms: 1_000_000n,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
}
// Escaped, since one such letter in the bundle would make its text twice as large in memory.
const term = /(\d*)(?:\.(\d*))?(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/y
const longest = 2n ** 63n

/** Milliseconds (with a fraction if need be) of a Go duration: `1h30m`, `-1.5s`, `0`. Throws ApiError 'invalid-duration'. */
export function parseDuration(text: string): number {
  const nanoseconds = nanosecondsOf(text)
  if (nanoseconds === undefined) {
    throw new ApiError('invalid-duration', `"${text}" is not a duration: write it like 90s, 1h30m or 720h0m0s`)
  }
  return Number(nanoseconds) / 1e6
}

/** Whether Go's time.ParseDuration takes `text`. */
export function isDuration(text: string): boolean {
  return nanosecondsOf(text) !== undefined
}

/** What Go prints for a duration of so many milliseconds: `720h0m0s`, `1.5s`, `250ms`, `0s`. */
export function formatDuration(milliseconds: number): string {
  const nanoseconds = BigInt(Math.round(Math.abs(milliseconds) * 1e6))
  const sign = milliseconds < 0 && nanoseconds > 0n ? '-' : ''
  return sign + formatNanoseconds(nanoseconds)
}

function formatNanoseconds(nanoseconds: bigint): string {
  if (nanoseconds === 0n) return '0s'
  if (nanoseconds < 1_000n) return `${nanoseconds}ns`
  if (nanoseconds < 1_000_000n) return `${decimal(nanoseconds, 3)}µs`
  if (nanoseconds < 1_000_000_000n) return `${decimal(nanoseconds, 6)}ms`
  const minutes = nanoseconds / 60_000_000_000n
  const seconds = `${decimal(nanoseconds % 60_000_000_000n, 9)}s`
  if (minutes === 0n) return seconds
  return minutes < 60n ? `${minutes}m${seconds}` : `${minutes / 60n}h${minutes % 60n}m${seconds}`
}

/** `value` / 10^`places`, exactly, without trailing zeros. */
function decimal(value: bigint, places: number): string {
  const digits = value.toString().padStart(places + 1, '0')
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`.replace(/\.?0+$/, '')
}

function nanosecondsOf(text: string): bigint | undefined {
  const unsigned = text.replace(/^[+-]/, '')
  if (unsigned === '0') return 0n
  if (unsigned === '') return undefined
  let sum = 0n
  let at = 0
  while (at < unsigned.length) {
    term.lastIndex = at
    const found = term.exec(unsigned)
    if (found === null) return undefined
    const [whole, integer = '', fraction = '', unit = ''] = found
    const scale = nanosecondsPer[unit]
    if (scale === undefined || integer + fraction === '') return undefined
    sum += BigInt(integer || '0') * scale + (BigInt(fraction || '0') * scale) / 10n ** BigInt(fraction.length)
    at += whole.length
  }
  const negative = text.startsWith('-')
  if (sum > longest || (sum === longest && !negative)) return undefined
  return negative ? -sum : sum
}
