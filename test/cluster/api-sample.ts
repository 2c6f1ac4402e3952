import type { StructuralSchema } from '#api/crd.ts'

/** How `sampleOf` fills a field that may be null. */
export interface SampleOptions {
  readonly nulls: boolean
}

/**
 * A value for `schema` with every field set, so that a field which the server prunes or refuses cannot hide. Texts are all
 * different, and all of them are durations as well, since a schema does not say which texts must be one.
 */
export function sampleOf(schema: StructuralSchema, options: SampleOptions = { nulls: false }): unknown {
  let texts = 0
  const sample = (part: StructuralSchema): unknown => {
    if (part.nullable === true && options.nulls) return null
    if (part.enum !== undefined) return part.enum.at(-1)
    switch (part.type) {
      case 'string':
        return textOf(part.format, (texts += 1))
      case 'integer':
        return part.format === 'int64' ? Number.MAX_SAFE_INTEGER : 2 ** 31 - 1
      case 'boolean':
        return true
      case 'array':
        return [sample(itemsOf(part)), sample(itemsOf(part))]
      case 'object':
        return objectOf(part, sample)
      case undefined:
      default:
        throw new Error(`no sample for a field of type ${part.type}`)
    }
  }
  return sample(schema)
}

function objectOf(part: StructuralSchema, sample: (part: StructuralSchema) => unknown): object {
  if (part['x-kubernetes-preserve-unknown-fields'] === true) return { name: 'raw', nested: { list: [{ deep: 1 }] } }
  if (part.additionalProperties !== undefined) {
    return { one: sample(part.additionalProperties), 'two/with.dots': sample(part.additionalProperties) }
  }
  const fields = Object.entries(part.properties ?? {})
  return Object.fromEntries(fields.map(([name, field]) => [name, sample(field)]))
}

function textOf(format: string | undefined, number: number): string {
  if (format === 'date-time') return new Date(Date.UTC(2026, 0, 1, 0, 0, number)).toISOString().replace('.000Z', 'Z')
  if (format === 'byte') return Buffer.from(`bytes ${number}`).toString('base64')
  return `${number}s`
}

function itemsOf(part: StructuralSchema): StructuralSchema {
  if (part.items === undefined) throw new Error('an array without items')
  return part.items
}
