import type { ServedType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'

/**
 * The type a user means by `name`, in any case: plural, singular (that is, kind) or short name, alone or followed by a dot and
 * its group or the beginning of it (`deploy.apps`, `ing.networking`). The core group wins, then the order of `types`.
 */
export function findType(name: string, types: readonly ServedType[]): ServedType | undefined {
  const dot = name.indexOf('.')
  const word = (dot < 0 ? name : name.slice(0, dot)).toLowerCase()
  const group = dot < 0 ? undefined : name.slice(dot + 1).toLowerCase()
  const candidates = types
    .filter((type) => group === undefined || type.group === group)
    .toSorted((a, b) => rank(a) - rank(b))
  const exact = bestNamed(word, candidates)
  if (exact !== undefined || group === undefined) return exact
  return bestNamed(
    word,
    types.filter((type) => type.group.startsWith(`${group}.`)).toSorted((a, b) => rank(a) - rank(b)),
  )
}

/** `plural.group` of the type meant by `name`, or `name` itself when no type answers to it (`*` stays), so that an unknown name selects nothing rather than everything. */
export function canonicalResource(name: string, types: readonly ServedType[]): string {
  const type = findType(name, types)
  return type === undefined ? name : resourceName(type)
}

function rank(type: ServedType): number {
  return (type.group === '' ? 0 : 2) + (type.preferred ? 0 : 1)
}

function bestNamed(word: string, types: readonly ServedType[]): ServedType | undefined {
  return (
    types.find((type) => type.plural === word) ??
    types.find((type) => type.singular === word || type.kind.toLowerCase() === word) ??
    types.find((type) => type.shortNames.includes(word))
  )
}
