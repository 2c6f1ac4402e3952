import type { KubeObject } from '#kube/object.ts'
import { containerName, pullPolicy } from './deployment.ts'
import { isAwsPlugin, serverWords, type KnownFlags, type ServerWords } from './server-words.ts'

/** On an adopted Deployment: its `spec` of before, as JSON. Going back needs nothing else. */
export const recordAnnotation = 'lifeboat.dev/adopted-from'

/** What an adoption needs to know besides the Deployment itself. */
export interface AdoptionOptions {
  readonly image: string
  readonly flags: KnownFlags
}

/** What is to become of a Deployment. `ours`: it runs our server already, and gets at most another image. */
export type Adoption =
  | { readonly how: 'take-over' | 'ours'; readonly deployment: KubeObject; readonly remarks: readonly string[] }
  | { readonly how: 'refuse'; readonly reason: string }

interface Container {
  name: string
  image?: string
  command?: string[]
  args?: string[]
  volumeMounts?: { name: string; mountPath: string }[]
}

interface PodTemplate {
  spec: { containers: Container[]; initContainers?: Container[] }
}

/** `spec` of a Deployment, as far as it is looked into. */
export interface DeploymentSpec {
  replicas?: number
  template: PodTemplate
}

/**
 * Velero's Deployment as one that runs our server: another image, started by our words. Plug-ins that are copied into the container go, since nobody
 * runs them; account, variables, volumes, resources and everything else stay.
 */
export function adoption(deployment: KubeObject, { image, flags }: AdoptionOptions): Adoption {
  const spec = specOf(deployment)
  const { containers } = spec.template.spec
  if (containers.some(({ name }) => name === containerName))
    return {
      how: 'ours',
      deployment: withSpec(deployment, awake(withContainer(spec, containerName, imageOf(image)), recordOf(deployment))),
      remarks: [],
    }
  // An adoption that was interrupted has stopped the server already.
  const before = recordOf(deployment) ?? spec
  const [velero, ...others] = before.template.spec.containers.filter(({ name }) => name === 'velero')
  if (velero === undefined || others.length > 0)
    return {
      how: 'refuse',
      reason: `it has no container "velero", but ${containers.map(({ name }) => name).join(', ')}`,
    }
  const words = serverWords(velero, flags)
  if ('refused' in words) return { how: 'refuse', reason: words.refused }
  const plugins = pluginContainers(before, velero)
  const ours = withoutPlugins(withContainer(before, velero.name, oursOf(velero, image, words)), plugins)
  const annotations = { ...deployment.metadata.annotations, [recordAnnotation]: JSON.stringify(before) }
  return {
    how: 'take-over',
    deployment: { ...withSpec(deployment, ours), metadata: { ...deployment.metadata, annotations } },
    remarks: [...flagRemarks(words), ...plugins.map(pluginRemark)],
  }
}

/** An adopted Deployment as it was before; undefined when it was not adopted. */
export function givenBack(deployment: KubeObject): KubeObject | undefined {
  const record = recordOf(deployment)
  if (record === undefined) return undefined
  const { [recordAnnotation]: _, ...annotations } = deployment.metadata.annotations ?? {}
  return { ...withSpec(deployment, record), metadata: { ...deployment.metadata, annotations } }
}

/** The `spec` that an adopted Deployment had before. */
export function recordOf({ metadata }: KubeObject): DeploymentSpec | undefined {
  const text = metadata.annotations?.[recordAnnotation]
  return text === undefined ? undefined : (JSON.parse(text) as DeploymentSpec)
}

/** The image of our server, where a Deployment runs it. */
export function ourImage(deployment: KubeObject): string | undefined {
  return specOf(deployment).template.spec.containers.find(({ name }) => name === containerName)?.image
}

/** Typed, and nothing else. */
export function specOf(deployment: KubeObject): DeploymentSpec {
  return deployment['spec'] as DeploymentSpec
}

function withSpec(deployment: KubeObject, spec: DeploymentSpec): KubeObject {
  return { ...deployment, spec }
}

/** A way back that was interrupted leaves a Deployment without pods. */
function awake(spec: DeploymentSpec, before: DeploymentSpec | undefined): DeploymentSpec {
  return spec.replicas === 0 && before !== undefined ? { ...spec, replicas: before.replicas ?? 1 } : spec
}

function imageOf(image: string): (container: Container) => Container {
  return (container) => ({ ...container, image, imagePullPolicy: pullPolicy(image) })
}

function oursOf(velero: Container, image: string, { args }: ServerWords): (container: Container) => Container {
  // Our image's entry point is the program.
  const { command: _, ...rest } = velero
  return () => imageOf(image)({ ...rest, name: containerName, args: ['server', ...args] })
}

function withContainer(
  spec: DeploymentSpec,
  name: string,
  change: (container: Container) => Container,
): DeploymentSpec {
  const containers = spec.template.spec.containers.map((container) =>
    container.name === name ? change(container) : container,
  )
  return { ...spec, template: { ...spec.template, spec: { ...spec.template.spec, containers } } }
}

/** Those that copy a program into the folder from which the server would start it. */
function pluginContainers({ template }: DeploymentSpec, velero: Container): Container[] {
  const folders = new Set(
    (velero.volumeMounts ?? []).filter(({ mountPath }) => mountPath === '/plugins').map(({ name }) => name),
  )
  return (template.spec.initContainers ?? []).filter(({ volumeMounts = [] }) =>
    volumeMounts.some(({ name }) => folders.has(name)),
  )
}

function withoutPlugins(spec: DeploymentSpec, plugins: readonly Container[]): DeploymentSpec {
  if (plugins.length === 0) return spec
  const { initContainers = [], ...pod } = spec.template.spec
  const names = new Set(plugins.map(({ name }) => name))
  const left = initContainers.filter(({ name }) => !names.has(name))
  return {
    ...spec,
    template: { ...spec.template, spec: { ...pod, ...(left.length === 0 ? {} : { initContainers: left }) } },
  }
}

function flagRemarks({ idle, leftOut }: ServerWords): string[] {
  return [
    ...(idle.length === 0 ? [] : [`flags that are kept and change nothing here: ${idle.join(', ')}`]),
    ...(leftOut.length === 0 ? [] : [`flags that Lifeboat does not have, left out: ${leftOut.join(', ')}`]),
  ]
}

function pluginRemark({ name, image = '' }: Container): string {
  return isAwsPlugin(image)
    ? `plug-in ${name} (${image}) goes: what it does is built in`
    : `plug-in ${name} (${image}) goes: Lifeboat does not run Velero's plug-ins, and what it did is missing`
}
