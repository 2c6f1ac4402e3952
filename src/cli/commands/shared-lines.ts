import type { ResourceList } from '#archive/resource-list.ts'
import { indented, type Line } from '../describe.ts'

/** Every object by type in a description of a backup or a restore; undefined when the list could not be had. */
export function resourceLines(list: ResourceList | undefined): Line[] {
  if (list === undefined) return [['Resource List', '<not found>']]
  const types = Object.entries(list).toSorted(([a], [b]) => (a < b ? -1 : 1))
  const lines = types.flatMap(([type, names]) => [`${type}:`, ...indented(names.map((name) => `- ${name}`))])
  return [{ heading: 'Resource List:', lines }]
}

/** How many hooks a status counts; nothing when it counts none. */
export function hookCountLines(
  hooks: { hooksAttempted?: number | undefined; hooksFailed?: number | undefined } | null | undefined,
): Line[] {
  if (!hooks) return []
  return ['', ['HooksAttempted', String(hooks.hooksAttempted ?? 0)], ['HooksFailed', String(hooks.hooksFailed ?? 0)]]
}
