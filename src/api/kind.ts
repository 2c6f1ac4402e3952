// api/ holds our custom kinds: for each one zod schema that gives its TypeScript type, its reader and its CRD, and the words that go with
// them (labels, phases, durations, names). It is pure: what it needs comes as arguments. It must never know how objects are stored,
// watched or acted upon; the only thing it takes from elsewhere is what a Kubernetes object is (#kube/object.ts).
import { z } from 'zod'
import type { KubeObject, ObjectMeta, ResourceType } from '#kube/object.ts'
import { apiVersionOf } from '#kube/object.ts'

/** An object of one of our kinds. `spec` is always there after `readObject`: the server does not insist on it. */
export type CustomObject<Spec extends object, Status extends object> = {
  apiVersion: string
  kind: string
  metadata: ObjectMeta
  spec: Spec
  status?: Status | undefined
}

/** One column of `kubectl get`, as a CRD states it. */
export interface PrinterColumn {
  readonly name: string
  readonly jsonPath: string
  readonly type: 'string' | 'date' | 'integer' | 'boolean'
  readonly format?: 'int64'
  /** Above 0: only with `-o wide`. */
  readonly priority?: number
}

/** A schema of a `spec` or `status`. */
export type PartSchema = z.ZodType<object>

/** What there is to say about one custom kind; usable wherever a `ResourceType` is asked for. */
export interface Kind<T extends KubeObject = KubeObject> extends ResourceType<T> {
  readonly singular: string
  readonly listKind: string
  readonly shortNames: readonly string[]
  readonly columns: readonly PrinterColumn[]
  readonly spec: PartSchema
  readonly status: PartSchema
  /** The whole object. Unknown fields pass; `apiVersion` and `kind` must be this kind's. */
  readonly schema: z.ZodType<T>
}

/** The parts of a kind that its file states; the rest follows from them. */
export interface KindParts<Spec extends PartSchema, Status extends PartSchema> {
  /** Default velero.io. */
  readonly group?: 'lifeboat.dev'
  readonly version: 'v1' | 'v2alpha1' | 'v1alpha1'
  readonly kind: string
  readonly plural: string
  readonly shortNames?: readonly string[]
  readonly columns?: readonly PrinterColumn[]
  readonly spec: Spec
  readonly status: Status
}

/** Makes a kind out of its parts. */
export function defineKind<Spec extends PartSchema, Status extends PartSchema>(
  parts: KindParts<Spec, Status>,
): Kind<CustomObject<z.output<Spec>, z.output<Status>>> {
  const { group = 'velero.io', version, plural } = parts
  const name = { group, version, plural, kind: parts.kind, namespaced: true }
  const schema = z.looseObject({
    apiVersion: z.literal(apiVersionOf(name)),
    kind: z.literal(parts.kind),
    metadata: objectMeta,
    spec: z.preprocess((spec) => spec ?? {}, parts.spec),
    status: z.optional(parts.status),
  })
  return {
    ...name,
    singular: parts.kind.toLowerCase(),
    listKind: `${parts.kind}List`,
    shortNames: parts.shortNames ?? [],
    columns: parts.columns ?? [],
    spec: parts.spec,
    status: parts.status,
    // zod's own type of a loose object carries an index signature, under which every misspelt field is a valid one.
    schema: schema as unknown as z.ZodType<CustomObject<z.output<Spec>, z.output<Status>>>,
  }
}

const objectMeta = z.looseObject({
  name: z.string(),
  namespace: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
  finalizers: z.array(z.string()).optional(),
})
