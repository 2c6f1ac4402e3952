import { refKey } from '#items/item-ref.ts'
import { neededToCreate } from '#items/needs.ts'
import { readAggregated } from '#kube/aggregated.ts'
import type { KubeClient } from '#kube/client.ts'
import { dryRunClient } from '#kube/dry-run.ts'
import { Namespaces, type KubeObject } from '#kube/object.ts'
import { apiVersionOf, resourceName } from '#kube/object.ts'
import type { CustomTypes } from './custom-types.ts'
import { type DefaultAccounts, ServiceAccounts } from './default-accounts.ts'
import type { LiveObjects, Place } from './live-objects.ts'
import type { NamespaceOptions, TargetNamespaces } from './namespaces.ts'
import { type RehearsedNamespaces, rehearsedNamespaces } from './rehearsed-namespaces.ts'

/** What is known of a run that writes nothing: which objects would be there by now, and what the API server cannot be asked. */
export interface Rehearsal {
  /** The live object at `place`; undefined when there is none. */
  live(place: Place, live: LiveObjects): Promise<KubeObject | undefined>
  /** Why the API server cannot be asked about writing at `place`; undefined when it can. */
  unchecked(place: Place): string | undefined
  /** Why a refusal of `object` says nothing: it names something that would be there by then. Undefined when the refusal counts. */
  excuse(object: KubeObject): string | undefined
  /** Notes that the run would have created the object by now. */
  created(place: Place): void
}

/** What takes the place of the parts that write or wait. */
export interface RehearsedTarget {
  readonly kube: KubeClient
  readonly namespaces: TargetNamespaces
  readonly accounts: DefaultAccounts
  readonly types: CustomTypes
  readonly rehearsal: Rehearsal
}

/** Prepares a rehearsal. Rejects with KubeError when the cluster cannot be read. */
export async function rehearsedTarget(
  kube: KubeClient,
  { manifest, signal }: Pick<NamespaceOptions, 'manifest' | 'signal'>,
): Promise<RehearsedTarget> {
  const dry = dryRunClient(kube)
  const aggregated = await readAggregated(kube, { signal })
  const namespaces = await rehearsedNamespaces(dry, { manifest, signal })
  const types = new Set<string>()
  return {
    kube: dry,
    namespaces,
    accounts: { there: () => Promise.resolve() },
    types: {
      expect: (definition) => types.add(definition.metadata.name),
      gate: () => undefined,
      problem: () => undefined,
    },
    rehearsal: rehearsalOf({ namespaces, types, aggregated }),
  }
}

interface Known {
  namespaces: RehearsedNamespaces
  /** Types that would be there by now. */
  types: ReadonlySet<string>
  /** Undefined when nobody may know. */
  aggregated: ReadonlySet<string> | undefined
}

function rehearsalOf(known: Known): Rehearsal {
  const planned = new Set<string>()
  return {
    async live(place, live) {
      // The cluster makes this one itself.
      if (notYet(place, known) !== undefined) return isDefaultAccount(place) ? bareAccount(place) : undefined
      const seen = await live.seen(place)
      return seen === undefined && unknown(place, known) !== undefined ? await live.existing(place) : seen
    },
    unchecked: (place) => notYet(place, known) ?? unknown(place, known),
    excuse(object) {
      const missing = neededToCreate(object).find((ref) => planned.has(refKey(ref)))
      return missing && `it needs ${refKey(missing)}, which is only to be created`
    },
    created({ type, namespace, name }) {
      const resource = resourceName(type)
      if (lookedUp.includes(resource)) planned.add(refKey({ resource, namespace, name }))
    },
  }
}

/** Why nothing can be at `place` yet. */
function notYet({ type, namespace, name }: Place, { namespaces, types }: Known): string | undefined {
  if (type === Namespaces) return namespaces.terminating(name)
  if (types.has(resourceName(type))) return 'its type is only to be created'
  return namespace === undefined ? undefined : namespaces.planned(namespace)
}

function unknown({ type }: Place, { aggregated }: Known): string | undefined {
  const doubtful = aggregated === undefined ? !isBuiltIn(type.group) : aggregated.has(apiVersionOf(type))
  return doubtful ? 'its type is served by an extension API server, which may not know of dry runs' : undefined
}

/** The types of which `neededToCreate` speaks: no others need to be remembered. */
const lookedUp: readonly string[] = [
  'serviceaccounts',
  'priorityclasses.scheduling.k8s.io',
  'runtimeclasses.node.k8s.io',
  'roles.rbac.authorization.k8s.io',
  'clusterroles.rbac.authorization.k8s.io',
]

function isBuiltIn(group: string): boolean {
  return !group.includes('.') || group.endsWith('.k8s.io')
}

function isDefaultAccount({ type, name }: Place): boolean {
  return name === 'default' && resourceName(type) === resourceName(ServiceAccounts)
}

function bareAccount({ namespace, name }: Place): KubeObject {
  return { apiVersion: 'v1', kind: ServiceAccounts.kind, metadata: { name, namespace } }
}
