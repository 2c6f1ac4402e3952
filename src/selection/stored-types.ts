/** What kubectl calls the built-in types for short: a backup does not hold short names, and its cluster may be gone. */
const shortNames: Readonly<Record<string, string>> = {
  cm: 'configmaps',
  cj: 'cronjobs.batch',
  crd: 'customresourcedefinitions.apiextensions.k8s.io',
  deploy: 'deployments.apps',
  ds: 'daemonsets.apps',
  ep: 'endpoints',
  ev: 'events',
  hpa: 'horizontalpodautoscalers.autoscaling',
  ing: 'ingresses.networking.k8s.io',
  limits: 'limitranges',
  netpol: 'networkpolicies.networking.k8s.io',
  no: 'nodes',
  ns: 'namespaces',
  pc: 'priorityclasses.scheduling.k8s.io',
  pdb: 'poddisruptionbudgets.policy',
  po: 'pods',
  pv: 'persistentvolumes',
  pvc: 'persistentvolumeclaims',
  quota: 'resourcequotas',
  rc: 'replicationcontrollers',
  rs: 'replicasets.apps',
  sa: 'serviceaccounts',
  sc: 'storageclasses.storage.k8s.io',
  sts: 'statefulsets.apps',
  svc: 'services',
}

/**
 * The types of a backup, as `plural.group`, that a user means by `word`, in any case: plural, kind or, for built-in types, short name, alone
 * or followed by a dot and its group or the beginning of it. Several when types of different groups share a name.
 */
export function storedTypesNamed(word: string, resources: readonly string[]): string[] {
  const lower = word.toLowerCase()
  const [name = '', ...group] = (shortNames[lower] ?? lower).split('.')
  const wanted = group.join('.')
  return resources.filter((resource) => {
    const [plural = '', ...rest] = resource.split('.')
    return inGroup(rest.join('.'), wanted) && (plural === name || pluralsOf(name).includes(plural))
  })
}

function inGroup(group: string, wanted: string): boolean {
  return wanted === '' || group === wanted || group.startsWith(`${wanted}.`)
}

/** How the API's types form their plurals. */
function pluralsOf(singular: string): string[] {
  return [`${singular}s`, `${singular}es`, singular.replace(/y$/, 'ies')]
}
