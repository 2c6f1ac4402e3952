import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { allCrds, crdOf, type CustomResourceDefinition, type StructuralSchema } from './crd.ts'
import { allKinds } from './kinds.ts'

const ofVelero = allKinds.map(crdOf)

const keywords = new Set(
  'type properties additionalProperties items required enum format nullable default minItems'
    .split(' ')
    .concat(['x-kubernetes-map-type', 'x-kubernetes-list-type', 'x-kubernetes-preserve-unknown-fields']),
)

/** The schema and all schemas inside it, each with its path. */
function* parts(schema: StructuralSchema, path: string): Generator<[string, StructuralSchema]> {
  yield [path, schema]
  for (const [name, field] of Object.entries(schema.properties ?? {})) yield* parts(field, `${path}.${name}`)
  if (schema.items !== undefined) yield* parts(schema.items, `${path}[]`)
  if (schema.additionalProperties !== undefined) yield* parts(schema.additionalProperties, `${path}{}`)
}

function versionOf(crd: CustomResourceDefinition): CustomResourceDefinition['spec']['versions'][number] {
  const [version, ...others] = crd.spec.versions
  assert.ok(version)
  assert.equal(others.length, 0)
  return version
}

function schemaPart(plural: string, path: string): StructuralSchema {
  const crd = allCrds().find((candidate) => candidate.spec.names.plural === plural)
  assert.ok(crd)
  const found = [...parts(versionOf(crd).schema.openAPIV3Schema, '')].find(([at]) => at === path)
  assert.ok(found, `${plural}${path}`)
  return found[1]
}

test('every part of every schema is structural: a type, and only words that a CRD may use', () => {
  for (const crd of allCrds()) {
    for (const [path, part] of parts(versionOf(crd).schema.openAPIV3Schema, crd.metadata.name)) {
      assert.ok(part.type, `${path} has a type`)
      for (const keyword of Object.keys(part)) assert.ok(keywords.has(keyword), `${path}: ${keyword}`)
      assert.ok(!(part.properties && part.additionalProperties), `${path}: fields or a map, not both`)
      for (const name of part.required ?? []) assert.ok(part.properties?.[name], `${path}: required ${name}`)
    }
  }
})

test('thirteen kinds are served under the names, versions and short names of Velero', () => {
  const names = ofVelero.map(
    ({ spec }) => `${spec.names.plural} ${spec.versions[0]?.name} ${spec.names.shortNames ?? ''}`,
  )
  assert.deepEqual(
    names.map((name) => name.trim()),
    [
      'backuprepositories v1',
      'backups v1',
      'backupstoragelocations v1 bsl',
      'datadownloads v2alpha1',
      'datauploads v2alpha1',
      'deletebackuprequests v1',
      'downloadrequests v1',
      'podvolumebackups v1',
      'podvolumerestores v1',
      'restores v1',
      'schedules v1',
      'serverstatusrequests v1 ssr',
      'volumesnapshotlocations v1 vsl',
    ],
  )
})

test('besides those of Velero there is what is ours, in a group of our own', () => {
  const own = allCrds().filter(({ spec }) => spec.group !== 'velero.io')
  assert.deepEqual(
    own.map(({ metadata }) => metadata.name),
    ['notifications.lifeboat.dev'],
  )
  assert.equal(allCrds().length, ofVelero.length + own.length)
})

test('no CRD has a status subresource: Velero writes status through the object itself', () => {
  for (const crd of allCrds()) assert.equal('subresources' in versionOf(crd), false, crd.metadata.name)
})

test('unknown fields are kept only inside the init containers of restore hooks, in restores', () => {
  const open = allCrds().flatMap((crd) =>
    [...parts(versionOf(crd).schema.openAPIV3Schema, crd.spec.names.plural)]
      .filter(([, part]) => part['x-kubernetes-preserve-unknown-fields'] !== undefined)
      .map(([path]) => path),
  )
  const initContainers = 'restores.spec.hooks.resources[].postHooks[].init.initContainers'
  assert.deepEqual(open, [initContainers, `${initContainers}[]`])
})

test('the only default is the empty name of a Secret', () => {
  const defaults = allCrds().flatMap((crd) =>
    [...parts(versionOf(crd).schema.openAPIV3Schema, crd.spec.names.plural)]
      .filter(([, part]) => 'default' in part)
      .map(([path, part]) => `${path}=${JSON.stringify(part.default)}`),
  )
  assert.deepEqual(defaults, [
    'backupstoragelocations.spec.credential.name=""',
    'backupstoragelocations.spec.objectStorage.caCertRef.name=""',
    'volumesnapshotlocations.spec.credential.name=""',
  ])
})

test('numbers, times, bytes, maps and nulls are stated as Velero states them', () => {
  assert.deepEqual(schemaPart('backups', '.status.errors'), { type: 'integer' })
  assert.deepEqual(schemaPart('podvolumebackups', '.status.progress.bytesDone'), { type: 'integer', format: 'int64' })
  assert.deepEqual(schemaPart('backups', '.status.expiration'), { type: 'string', format: 'date-time', nullable: true })
  assert.deepEqual(schemaPart('backups', '.spec.ttl'), { type: 'string' })
  assert.deepEqual(schemaPart('backupstoragelocations', '.spec.objectStorage.caCert'), {
    type: 'string',
    format: 'byte',
  })
  assert.deepEqual(schemaPart('backups', '.spec.orderedResources'), {
    type: 'object',
    nullable: true,
    additionalProperties: { type: 'string' },
  })
  assert.deepEqual(schemaPart('backups', '.spec.hooks.resources[].pre[].exec.command'), {
    type: 'array',
    minItems: 1,
    items: { type: 'string' },
  })
  assert.deepEqual(schemaPart('serverstatusrequests', '.spec'), { type: 'object' })
  assert.deepEqual(schemaPart('restores', '.spec.existingResourcePolicy'), { type: 'string', nullable: true })
})

/** One line per part of the schema: its path and every fact about it. */
function facts(schema: StructuralSchema, path: string, required = false): string[] {
  const said = [
    schema.type,
    schema.format,
    schema.nullable === true && 'nullable',
    required && 'required',
    schema.minItems !== undefined && `minItems=${schema.minItems}`,
    schema.enum !== undefined && `enum=${schema.enum.join('|')}`,
    'default' in schema && `default=${JSON.stringify(schema.default)}`,
    schema['x-kubernetes-preserve-unknown-fields'] === true && 'preserve-unknown-fields',
    schema['x-kubernetes-map-type'] !== undefined && `map-type=${String(schema['x-kubernetes-map-type'])}`,
    schema['x-kubernetes-list-type'] !== undefined && `list-type=${String(schema['x-kubernetes-list-type'])}`,
  ]
  const fields = Object.entries(schema.properties ?? {}).flatMap(([name, field]) =>
    facts(field, `${path}.${name}`, schema.required?.includes(name)),
  )
  return [
    `${path} ${said.filter((fact) => typeof fact === 'string').join(' ')}`,
    ...fields,
    ...(schema.items === undefined ? [] : facts(schema.items, `${path}[]`)),
    ...(schema.additionalProperties === undefined ? [] : facts(schema.additionalProperties, `${path}{}`)),
  ]
}

function columnFacts({ spec }: CustomResourceDefinition): string[] {
  return (spec.versions[0]?.additionalPrinterColumns ?? []).map(({ name, jsonPath, type, format, priority }) => {
    const said = [jsonPath, type, format, priority !== undefined && `priority=${priority}`]
    return `${spec.names.plural} column ${name}: ${said.filter((fact) => typeof fact === 'string').join(' ')}`
  })
}

test('every field and column of every kind of Velero is stated as in the CRDs of Velero 1.18.1, and there is no other', () => {
  const recorded = readFileSync(new URL('../../test/compat/golden/crd-fields.txt', import.meta.url), 'utf8')
  const ours = ofVelero.flatMap((crd) => [
    ...facts(versionOf(crd).schema.openAPIV3Schema, crd.spec.names.plural),
    ...columnFacts(crd),
  ])
  assert.deepEqual(ours.toSorted(), recorded.trimEnd().split('\n').toSorted())
})
