/** Which types come first and which last, by `plural.group`; the others stand between them. */
export interface Priorities {
  readonly high: readonly string[]
  readonly low: readonly string[]
}

const definitions = 'customresourcedefinitions.apiextensions.k8s.io'

/** Velero's own priorities (spec/restore §3), spelt with groups. */
export const defaultPriorities: Priorities = {
  high: [
    definitions,
    'namespaces',
    'storageclasses.storage.k8s.io',
    'volumesnapshotclasses.snapshot.storage.k8s.io',
    'volumesnapshotcontents.snapshot.storage.k8s.io',
    'volumesnapshots.snapshot.storage.k8s.io',
    'datauploads.velero.io',
    'persistentvolumes',
    'persistentvolumeclaims',
    'clusterroles.rbac.authorization.k8s.io',
    'roles.rbac.authorization.k8s.io',
    'serviceaccounts',
    'clusterrolebindings.rbac.authorization.k8s.io',
    'rolebindings.rbac.authorization.k8s.io',
    'secrets',
    'configmaps',
    'limitranges',
    'priorityclasses.scheduling.k8s.io',
    'pods',
    'replicasets.apps',
    'clusterclasses.cluster.x-k8s.io',
    'endpoints',
    'services',
  ],
  low: [
    'clusterbootstraps.run.tanzu.vmware.com',
    'clusters.cluster.x-k8s.io',
    'clusterresourcesets.addons.cluster.x-k8s.io',
    'apps.kappctrl.k14s.io',
    'packageinstalls.packaging.carvel.dev',
  ],
}

/**
 * Reads Velero's server flag `--restore-resource-priorities`: a list of types in which a single `-` parts first from last. Names are as
 * users write them; whoever knows the types resolves them. The other way out is what is wrong with the list.
 */
export function parsePriorities(list: readonly string[]): { priorities: Priorities } | { problem: string } {
  const parting = list.indexOf('-')
  const names = list.filter((_, index) => index !== parting)
  const bad = names.find((name) => !/^[a-z][a-z0-9]*(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name))
  if (bad === '-') return { problem: 'has more than one "-"; a single one parts what comes first from what comes last' }
  if (bad !== undefined)
    return { problem: `has "${bad}", which is no type; write for example pods or deployments.apps` }
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) return { problem: `names ${twice} twice` }
  if (parting < 0) return { priorities: { high: names, low: [] } }
  return { priorities: { high: names.slice(0, parting), low: names.slice(parting) } }
}

// One line per wave, each with the reason why it stands after what is above it. Velero goes type by type in one strict order;
// what nothing depends on may go at the same time, which is most of it.
const early: readonly (readonly string[])[] = [
  [definitions],
  ['namespaces'],
  // Admission looks classes up when a pod or a claim is made; roles must be there before somebody is bound to them. Network
  // policies ask for nothing, and before pods no pod runs unprotected.
  [
    'storageclasses.storage.k8s.io',
    'volumesnapshotclasses.snapshot.storage.k8s.io',
    'volumesnapshotcontents.snapshot.storage.k8s.io',
    'csidrivers.storage.k8s.io',
    'priorityclasses.scheduling.k8s.io',
    'runtimeclasses.node.k8s.io',
    'clusterroles.rbac.authorization.k8s.io',
    'roles.rbac.authorization.k8s.io',
    'networkpolicies.networking.k8s.io',
    // A token Secret without its ServiceAccount is deleted by the token controller, a pod without it refused.
    'serviceaccounts',
  ],
  // A snapshot looks for its content; a volume needs its class; bindings name roles and accounts. Secrets need accounts.
  [
    'volumesnapshots.snapshot.storage.k8s.io',
    'datauploads.velero.io',
    'persistentvolumes',
    'clusterrolebindings.rbac.authorization.k8s.io',
    'rolebindings.rbac.authorization.k8s.io',
    'secrets',
    'configmaps',
  ],
  // A claim that comes before its volume or its snapshot gets an empty new volume. Limits would judge what was there before them.
  ['persistentvolumeclaims', 'limitranges'],
  // Pods come before what controls them, so that they are adopted under their own names rather than made again.
  ['pods'],
  // Replica sets adopt pods; revisions have to be there before the sets that would write their own. Endpoints come before
  // services, for which the cluster would make others.
  ['replicasets.apps', 'controllerrevisions.apps', 'clusterclasses.cluster.x-k8s.io', 'endpoints'],
  // Explicit cluster addresses and ports are taken before whatever else in the rest makes services of its own.
  ['services'],
]

const late: readonly (readonly string[])[] = [
  // A quota counts only after its controller has counted; until then it refuses what it is to count.
  ['resourcequotas'],
  // Webhooks and policies judge every later write, and their own backend may not be up yet. The same with aggregated APIs.
  [
    'mutatingwebhookconfigurations.admissionregistration.k8s.io',
    'validatingwebhookconfigurations.admissionregistration.k8s.io',
    'mutatingadmissionpolicies.admissionregistration.k8s.io',
    'mutatingadmissionpolicybindings.admissionregistration.k8s.io',
    'validatingadmissionpolicies.admissionregistration.k8s.io',
    'validatingadmissionpolicybindings.admissionregistration.k8s.io',
    'apiservices.apiregistration.k8s.io',
  ],
  // Each of these sets an operator to work on what was restored before it; their mutual order is Velero's.
  ...defaultPriorities.low.map((resource) => [resource]),
]

/**
 * `resources` in groups: the types of one group may be restored at the same time, each group after the one before. CRDs are
 * alone in the first one (they are waited for), Namespaces in the next. With `priorities` of the user each type named there is a group of its own.
 */
export function restoreWaves(resources: Iterable<string>, priorities?: Priorities): string[][] {
  const wanted = new Set(resources)
  const first = priorities === undefined ? early : [[definitions], ...priorities.high.map((name) => [name])]
  const last = priorities === undefined ? late : priorities.low.map((name) => [name])
  const named = new Set([...first, ...last].flat())
  const rest = [...wanted].filter((resource) => !named.has(resource)).toSorted()
  const seen = new Set<string>()
  return [...first, rest, ...last]
    .map((wave) => wave.filter((resource) => wanted.has(resource) && !seen.has(resource) && seen.add(resource)))
    .filter((wave) => wave.length > 0)
}
