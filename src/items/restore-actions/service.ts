import type { KubeObject } from '#kube/object.ts'
import type { JsonObject } from '../json.ts'
import { listOf, objectOf, without } from '../json.ts'
import type { RestoreAction } from '../restore-action.ts'
import { chosenNodePorts } from './node-ports.ts'

/** Lets the API server give a Service new addresses and node ports; ports that somebody chose stay, and all of them with `preserveNodePorts`. */
export const serviceAction: RestoreAction = {
  name: 'velero.io/service',
  appliesTo: (resource) => resource === 'services',
  execute(service, { context }) {
    const spec = objectOf(service['spec']) ?? {}
    const headless = spec['clusterIP'] === 'None'
    const addressless = headless ? spec : without(spec, ['clusterIP', 'clusterIPs'])
    const keepsPorts = context.preserveNodePorts === true || spec['type'] === 'ExternalName'
    return { object: { ...service, spec: keepsPorts ? addressless : withChosenPorts(service, addressless) } }
  },
}

function withChosenPorts(service: KubeObject, spec: JsonObject): JsonObject {
  const chosen = chosenNodePorts(service)
  const kept = chosen.healthCheck ? spec : without(spec, ['healthCheckNodePort'])
  if (spec['ports'] === undefined) return kept
  const ports = listOf(spec['ports']).map((entry) => {
    const port = objectOf(entry) ?? {}
    return chosen.port(port) ? port : without(port, ['nodePort'])
  })
  return { ...kept, ports }
}
