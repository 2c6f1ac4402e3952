import type { KubeObject } from '#kube/object.ts'

/** What keeps an object as a Git repository says: it would undo what a restore changes, and bring back what is missing. */
export interface GitOpsOwner {
  readonly tool: 'argocd' | 'flux'
  readonly kind: 'Application' | 'Kustomization' | 'HelmRelease'
  /** Undefined where the object does not tell. */
  readonly namespace: string | undefined
  readonly name: string
}

/**
 * Who keeps `object` by Git; undefined for nobody. `applications`: names of the Argo CD Applications there are, without which
 * the label `app.kubernetes.io/instance` proves nothing, since Helm sets it too (argo-cd.readthedocs.io, resource tracking;
 * fluxcd.io, kustomization and helmrelease).
 */
export function gitOpsOwner(object: KubeObject, applications: ReadonlySet<string>): GitOpsOwner | undefined {
  return argoTracked(object) ?? fluxOwner(object) ?? argoLabelled(object, applications)
}

/** `Flux Kustomization flux-system/apps`. */
export function gitOpsOwnerText({ tool, kind, namespace, name }: GitOpsOwner): string {
  const place = namespace === undefined ? name : `${namespace}/${name}`
  return `${tool === 'argocd' ? 'Argo CD' : 'Flux'} ${kind} ${place}`
}

// `<application>:<group>/<kind>:<namespace>/<name>`. The address must be the object's own: controllers copy annotations to what they make.
function argoTracked(object: KubeObject): GitOpsOwner | undefined {
  const id = object.metadata.annotations?.['argocd.argoproj.io/tracking-id']
  const [, application, group, kind, , name] = /^([^:]+):([^/:]*)\/([^:]+):([^/]*)\/(.+)$/.exec(id ?? '') ?? []
  if (application === undefined || kind !== object.kind || name !== object.metadata.name) return undefined
  if (group !== groupOf(object)) return undefined
  return argo(application)
}

function argoLabelled(object: KubeObject, applications: ReadonlySet<string>): GitOpsOwner | undefined {
  const labels = object.metadata.labels ?? {}
  const own = labels['argocd.argoproj.io/instance']
  if (own !== undefined) return argo(own)
  const instance = labels['app.kubernetes.io/instance']
  return instance !== undefined && applications.has(instance) ? argo(instance) : undefined
}

/** Applications outside of Argo CD's own namespace are told as `<namespace>_<name>`. */
function argo(application: string): GitOpsOwner {
  const parting = application.indexOf('_')
  return {
    tool: 'argocd',
    kind: 'Application',
    namespace: parting < 0 ? undefined : application.slice(0, parting),
    name: application.slice(parting + 1),
  }
}

function fluxOwner({ metadata: { labels = {} } }: KubeObject): GitOpsOwner | undefined {
  for (const [kind, prefix] of fluxKinds) {
    const [name, namespace] = [labels[`${prefix}/name`], labels[`${prefix}/namespace`]]
    if (name !== undefined) return { tool: 'flux', kind, namespace, name }
  }
  return undefined
}

const fluxKinds = [
  ['HelmRelease', 'helm.toolkit.fluxcd.io'],
  ['Kustomization', 'kustomize.toolkit.fluxcd.io'],
] as const

function groupOf({ apiVersion }: KubeObject): string {
  return apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : ''
}
