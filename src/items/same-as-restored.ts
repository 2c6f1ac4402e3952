import type { KubeObject } from '#kube/object.ts'
import { sameObject } from './existing.ts'
import type { RestoreContext } from './restore-context.ts'
import { prepareForRestore } from './restore-step.ts'

/**
 * Whether a live object is what a restore would make of it anew: it is sent through the same steps as the archived one, so that
 * what only its cluster chose (addresses, node, tokens) is no difference, in any kind. `desired` is from `prepareForRestore` with
 * the same context.
 */
export function sameAsRestored(
  resource: string,
  { live, desired }: { live: KubeObject; desired: KubeObject },
  context: RestoreContext,
): boolean {
  const step = prepareForRestore({ resource, object: live }, inPlace(context))
  return step.do === 'create' && sameObject(step.object, desired)
}

/** A live object is where it shall be, and has what rules would change. */
function inPlace(context: RestoreContext): RestoreContext {
  return {
    ...context,
    namespaceMapping: undefined,
    storageClasses: undefined,
    imageRules: undefined,
    modifiers: undefined,
  }
}
