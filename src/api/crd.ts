import { z } from 'zod'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { resourceName } from '#kube/object.ts'
import { installedKinds } from './kinds.ts'
import type { Kind, PartSchema, PrinterColumn } from './kind.ts'

/** A schema as a CRD holds it: structural, without descriptions. */
export type StructuralSchema = {
  type?: string
  properties?: Record<string, StructuralSchema>
  additionalProperties?: StructuralSchema
  items?: StructuralSchema
  required?: string[]
  enum?: unknown[]
  format?: string
  nullable?: boolean
  default?: unknown
  minItems?: number
  [extension: `x-kubernetes-${string}`]: unknown
}

/** A CustomResourceDefinition, as far as ours go. */
export type CustomResourceDefinition = {
  apiVersion: string
  kind: string
  metadata: { name: string; labels: Record<string, string>; annotations: Record<string, string> }
  spec: {
    group: string
    names: { kind: string; listKind: string; plural: string; singular: string; shortNames?: readonly string[] }
    scope: 'Namespaced'
    versions: {
      name: string
      served: boolean
      storage: boolean
      additionalPrinterColumns?: readonly PrinterColumn[]
      schema: { openAPIV3Schema: StructuralSchema }
    }[]
  }
  /** Written by the server: `Established` once objects of the kind can be made. */
  status?: { conditions?: { type: string; status: string; reason?: string; message?: string }[] } | undefined
}

/** The type of CRD objects. */
export const CustomResourceDefinitions: ResourceType<CustomResourceDefinition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}

/** The CRDs of all kinds, Velero's by plural and then ours; what `install --crds-only` applies. */
export function allCrds(): CustomResourceDefinition[] {
  return installedKinds.map(crdOf)
}

/** The CRD of one kind: what Velero's accepts and keeps, this one accepts and keeps. There is no status subresource, as Velero has none. */
export function crdOf(kind: Kind<KubeObject>): CustomResourceDefinition {
  const { group, version, plural, singular, listKind } = kind
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: resourceName(kind),
      labels: { component: 'velero' },
      // Velero's own CRDs say which generator their shape follows; tools that compare the two look at it.
      annotations: { 'controller-gen.kubebuilder.io/version': 'v0.16.5' },
    },
    spec: {
      group,
      names: {
        kind: kind.kind,
        listKind,
        plural,
        singular,
        ...(kind.shortNames.length > 0 && { shortNames: kind.shortNames }),
      },
      scope: 'Namespaced',
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          ...(kind.columns.length > 0 && { additionalPrinterColumns: kind.columns.map((column) => ({ ...column })) }),
          schema: { openAPIV3Schema: objectSchema(kind) },
        },
      ],
    },
  }
}

function objectSchema(kind: Kind<KubeObject>): StructuralSchema {
  return {
    type: 'object',
    properties: {
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { type: 'object' },
      spec: structural(kind.spec),
      status: structural(kind.status),
    },
  }
}

function structural(part: PartSchema): StructuralSchema {
  const { $schema: _, ...schema } = z.toJSONSchema(part, {
    target: 'openapi-3.0',
    io: 'input',
    override: ({ jsonSchema }) => {
      for (const keyword of notStructural) delete jsonSchema[keyword]
      // A loose object passes what it does not know. To say so beside `properties` is forbidden; a map's values have a type.
      if (jsonSchema.properties !== undefined) delete jsonSchema.additionalProperties
      if (jsonSchema.properties !== undefined && Object.keys(jsonSchema.properties).length === 0)
        delete jsonSchema.properties
    },
  })
  return schema as StructuralSchema
}

// What zod states and Velero's CRDs leave open: bounds of safe integers, patterns of times, key types of maps.
const notStructural = ['minimum', 'maximum', 'pattern', 'propertyNames'] as const
