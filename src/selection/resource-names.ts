import type { ServedType } from '#kube/object.ts'

/** The type a user means by `name`: plural, singular, short name or kind, alone or as `name.group` (also `name.version.group`), in any case. */
export function findType(_name: string, _types: readonly ServedType[]): ServedType | undefined {
  throw new Error('being written')
}

/** `plural.group` of the type meant by `name`, or `name` itself when no type answers to it, so that an unknown name selects nothing rather than everything. */
export function canonicalResource(_name: string, _types: readonly ServedType[]): string {
  throw new Error('being written')
}
