import { SelectionError } from './error.ts'

/** Beyond it a number has nothing to do with storage, and its power of ten would only take memory. */
const HIGHEST_EXPONENT = 30

const syntax = /^([+-]?)(\d+\.?\d*|\.\d+)(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,4}))?$/
const decimal: Readonly<Record<string, number>> = { n: -9, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }
const binary: Readonly<Record<string, bigint>> = { Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n }

/**
 * A Kubernetes quantity such as `10Gi`, `1.5G` or `1e9` in billionths, which is the finest that Kubernetes knows (finer ones are rounded
 * up), so that quantities compare exactly. Throws SelectionError 'bad-quantity'.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
export function parseQuantity(text: string): bigint {
  const [, sign = '', digits = '', suffix = '', power] = syntax.exec(text) ?? []
  const exponent = power === undefined ? (decimal[suffix] ?? 0) : Number(power)
  if (digits === '' || Math.abs(exponent) > HIGHEST_EXPONENT || digits.length > 100) throw badQuantity(text)
  const [whole = '', fraction = ''] = digits.split('.')
  // digits × 10^-fraction × 10^exponent × 2^bits, in billionths
  const scaled = BigInt(whole + fraction) << (binary[suffix] ?? 0n)
  const tens = exponent + 9 - fraction.length
  const size = tens >= 0 ? scaled * 10n ** BigInt(tens) : roundedUp(scaled, 10n ** BigInt(-tens))
  return sign === '-' ? -size : size
}

function roundedUp(value: bigint, divisor: bigint): bigint {
  return (value + divisor - 1n) / divisor
}

function badQuantity(text: string): SelectionError {
  return new SelectionError('bad-quantity', `"${text}" is no quantity; write for example 10Gi, 500M or 1.5Ti`)
}
