import { compileGlob } from './globs.ts'

/** A list of an include or exclude filter: names and patterns, `*` for everything. */
export interface NameList {
  readonly entries: readonly string[]
  readonly matches: (name: string) => boolean
}

/** Compiles a filter's list; null and absence are the empty list, which matches nothing. */
export function nameList(entries: readonly string[] | null | undefined): NameList {
  const globs = (entries ?? []).map(compileGlob)
  return { entries: entries ?? [], matches: (name) => globs.some((glob) => glob(name)) }
}

/** Whether an include list lets `name` in: an empty one lets everything in. */
export function includes(list: NameList, name: string): boolean {
  return list.entries.length === 0 || list.matches(name)
}
