import type { Item, ResourceType, ServedType } from '#kube/object.ts'
import { metadataOf, resourceName } from '#kube/object.ts'
import { matchesSelector, parseSelector } from '#selection/label-selector.ts'
import { includes, nameList, type NameList } from '#selection/name-list.ts'
import { canonicalResource } from '#selection/resource-names.ts'
import type { ActionDescription } from './description.ts'
import { PluginError } from './error.ts'

/** Whether an action gets an item, in two steps: most types are of no concern to any action. */
export interface Applies {
  type(type: ResourceType): boolean
  /** For an item of a type that passed. */
  item(item: Item): boolean
}

/**
 * Compiles an action's selector as Velero does: an empty list includes everything, names of resources are understood through
 * discovery (`types`), a cluster-scoped item needs an action that selects all namespaces. PluginError 'invalid' for a label selector that is none.
 */
export function compileApplies({ name, appliesTo }: ActionDescription, types: readonly ServedType[]): Applies {
  const resources = (names: readonly string[] | null | undefined): NameList =>
    nameList(names?.map((one) => canonicalResource(one, types)))
  const included = resources(appliesTo?.includedResources)
  const excluded = resources(appliesTo?.excludedResources)
  const inside = nameList(appliesTo?.includedNamespaces)
  const outside = nameList(appliesTo?.excludedNamespaces)
  const everywhere = outside.entries.length === 0 && inside.entries.every((entry) => entry === '*')
  const labels = appliesTo?.labelSelector ? selectorOf(name, appliesTo.labelSelector) : undefined
  return {
    type(type) {
      const resource = resourceName(type)
      return includes(included, resource) && !excluded.matches(resource)
    },
    item(item) {
      const { namespace } = item
      const here = namespace === undefined ? everywhere : includes(inside, namespace) && !outside.matches(namespace)
      return here && (labels === undefined || matchesSelector(labels, metadataOf(item).labels))
    },
  }
}

function selectorOf(action: string, text: string): ReturnType<typeof parseSelector> {
  try {
    return parseSelector(text)
  } catch (error) {
    throw new PluginError('invalid', `plug-in action ${action}: ${(error as Error).message}`, { cause: error })
  }
}
