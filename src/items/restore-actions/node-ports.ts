import type { KubeObject } from '#kube/object.ts'
import type { JsonObject } from '../json.ts'
import { listOf, objectOf, textOf } from '../json.ts'

/** Which node ports of a Service somebody chose; the others the API server gave. */
export interface ChosenPorts {
  readonly port: (port: JsonObject) => boolean
  readonly healthCheck: boolean
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

/** Looks for chosen ports in what kubectl last applied or, only if that is not recorded, in the owners of fields (spec/restore §9). */
export function chosenNodePorts(service: KubeObject): ChosenPorts {
  const applied = service.metadata.annotations?.[lastApplied]
  return applied === undefined || applied === '' ? chosenByOwners(service) : chosenByKubectl(applied)
}

function chosenByKubectl(applied: string): ChosenPorts {
  const spec = objectOf(objectOf(parsed(applied))?.['spec'])
  const chosen = listOf(spec?.['ports'])
    .map(objectOf)
    .filter((port) => Number(port?.['nodePort'] ?? 0) > 0)
  const names = new Set(chosen.map((port) => textOf(port?.['name']) ?? '').filter((name) => name !== ''))
  // A port without a name can only be told by its number.
  const numbers = new Set(chosen.filter((port) => !textOf(port?.['name'])).map((port) => Number(port?.['nodePort'])))
  return {
    port: (port) => {
      const name = textOf(port['name'])
      return name ? names.has(name) : numbers.has(Number(port['nodePort']))
    },
    healthCheck: Number(spec?.['healthCheckNodePort'] ?? 0) > 0,
  }
}

function chosenByOwners(service: KubeObject): ChosenPorts {
  const specs = (service.metadata.managedFields ?? []).map((entry) =>
    objectOf(objectOf(objectOf(entry)?.['fieldsV1'])?.['f:spec']),
  )
  const owned = specs.flatMap((spec) => Object.entries(objectOf(spec?.['f:ports']) ?? {}))
  const keys = owned
    .filter(([key, fields]) => key.startsWith('k:') && objectOf(fields)?.['f:nodePort'] !== undefined)
    .map(([key]) => objectOf(parsed(key.slice('k:'.length))))
  return {
    port: (port) =>
      keys.some((key) => key?.['port'] === port['port'] && key?.['protocol'] === (port['protocol'] ?? 'TCP')),
    healthCheck: specs.some((spec) => spec?.['f:healthCheckNodePort'] !== undefined),
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // An annotation that somebody broke says nothing about ports.
    return undefined
  }
}
