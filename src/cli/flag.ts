import { parseDuration } from '#api/duration.ts'
import type { LabelSelector } from '#api/fields.ts'
import { parseSelector } from '#selection/label-selector.ts'
import { UserError, USAGE } from './exit.ts'

/** One flag as data: what it is called comes from the command's table, everything else from here. */
export interface Flag<T> {
  readonly description: string
  /** Name of the value in help texts; without one the flag is a switch. */
  readonly metavar?: string
  /** What the flag means when it is given without a value. */
  readonly bare?: string
  readonly short?: string
  readonly choices?: readonly string[]
  readonly hidden?: boolean
  /** The value of `text`, given the value of an earlier occurrence. Throws UserError. */
  parse(text: string, before: T | undefined): T
}

export type Flags = Readonly<Record<string, Flag<unknown>>>

/** The parsed values of a table of flags: undefined where a flag was not given. */
export type FlagValues<F extends Flags> = {
  readonly [K in keyof F]: F[K] extends Flag<infer T> ? T | undefined : never
}

interface Looks {
  readonly short?: string
  readonly metavar?: string
  readonly hidden?: boolean
}

/** One string, as typed. */
export function text(description: string, looks: Looks = {}): Flag<string> {
  return { description, metavar: 'TEXT', ...looks, parse: (value) => value }
}

/** On when given; `--flag=false` turns it off (spec/cli.md §1.4). Unset and false stay distinguishable. */
export function toggle(description: string, looks: Looks = {}): Flag<boolean> {
  return { description, bare: 'true', ...looks, parse: parseBoolean }
}

/** `a,b,c`; commas in braces belong to a pattern: `a-{x,y}`. A later occurrence replaces an earlier one, as Velero's string arrays do. */
export function list(description: string, looks: Looks = {}): Flag<string[]> {
  return { description, metavar: 'A,B', ...looks, parse: (value) => value.split(/,(?![^{}]*\})/) }
}

/** `a,b,c`; occurrences add up, as Velero's string slices do. */
export function slice(description: string, looks: Looks = {}): Flag<string[]> {
  return { description, metavar: 'A,B', ...looks, parse: (value, before) => [...(before ?? []), ...value.split(',')] }
}

/** `k=v,k2=v2`; occurrences add up. */
export function map(description: string, looks: Looks & { separator?: string } = {}): Flag<Record<string, string>> {
  const { separator = '=', ...rest } = looks
  return {
    description,
    metavar: `K${separator}V,…`,
    ...rest,
    parse: (value, before) => ({ ...before, ...parseMap(value, separator) }),
  }
}

/** One of a few words. */
export function choice<T extends string>(description: string, choices: readonly T[], looks: Looks = {}): Flag<T> {
  return {
    description,
    metavar: choices.join('|'),
    choices,
    ...looks,
    parse(value) {
      const known = choices.find((word) => word === value)
      if (known !== undefined) return known
      throw new UserError(`must be one of ${choices.join(', ')}, not "${value}"`, { exitCode: USAGE })
    },
  }
}

/** A Go duration such as `1h30m`; kept as text, since that is how it is stored. */
export function duration(description: string, looks: Looks = {}): Flag<string> {
  return {
    description,
    metavar: 'DURATION',
    ...looks,
    parse(value) {
      try {
        parseDuration(value)
      } catch (error) {
        throw new UserError(`is no duration: "${value}" (write for example 90s, 10m, 720h)`, {
          exitCode: USAGE,
          cause: error,
        })
      }
      return value
    },
  }
}

/** A whole number of at least `least`. */
export function integer(description: string, least: number, looks: Looks = {}): Flag<number> {
  return {
    description,
    metavar: 'N',
    ...looks,
    parse(value) {
      const number = Number(value)
      if (/^\d+$/.test(value) && number >= least) return number
      throw new UserError(`must be a whole number of at least ${least}, not "${value}"`, { exitCode: USAGE })
    },
  }
}

/** A label selector in kubectl's syntax. */
export function selector(description: string, looks: Looks = {}): Flag<LabelSelector> {
  return { description, metavar: 'SELECTOR', ...looks, parse: readSelector }
}

/** Several selectors, any of which may match: `a=b or c in (d,e)`. */
export function orSelector(description: string): Flag<LabelSelector[]> {
  return { description, metavar: 'S or S', parse: (value) => value.split(' or ').map((part) => readSelector(part)) }
}

function readSelector(value: string): LabelSelector {
  try {
    return parseSelector(value)
  } catch (error) {
    throw new UserError(error instanceof Error ? error.message : String(error), { exitCode: USAGE, cause: error })
  }
}

function parseBoolean(value: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false
  throw new UserError(`must be true or false, not "${value}"`, { exitCode: USAGE })
}

function parseMap(value: string, separator: string): Record<string, string> {
  const entries = splitRecord(value).map((entry): [string, string] => {
    const at = entry.indexOf(separator)
    if (at <= 0) throw new UserError(`needs KEY${separator}VALUE, not "${entry}"`, { exitCode: USAGE })
    return [entry.slice(0, at), entry.slice(at + 1)]
  })
  // Defines each key, where an assignment would take __proto__ for the prototype.
  return Object.fromEntries(entries)
}

/** Splits one CSV record: an entry in double quotes may hold commas. */
function splitRecord(value: string): string[] {
  const entries = value.match(/("([^"]|"")*"|[^,"]+)(?=,|$)/g) ?? ['']
  return entries.map((entry) => (entry.startsWith('"') ? entry.slice(1, -1).replaceAll('""', '"') : entry))
}
