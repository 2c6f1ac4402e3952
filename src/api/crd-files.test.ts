// deploy/crds/ holds what the code generates. After a change of a schema, write the files anew:
//   UPDATE=1 npx node --test src/api/crd-files.test.ts
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse, stringify } from 'yaml'
import { allCrds } from './crd.ts'

const folder = new URL('../../deploy/crds/', import.meta.url)

const files = new Map(
  allCrds().map((crd) => [`${crd.spec.group}_${crd.spec.names.plural}.yaml`, stringify(crd, { lineWidth: 0 })]),
)

if (process.env['UPDATE'] !== undefined) {
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of files) writeFileSync(new URL(name, folder), text)
}

test('deploy/crds holds one file per kind and nothing else', () => {
  assert.deepEqual(readdirSync(folder).toSorted(), [...files.keys()].toSorted())
})

test('every file of deploy/crds is what the code generates', () => {
  for (const [name, text] of files) assert.equal(readFileSync(new URL(name, folder), 'utf8'), text, name)
})

test('a CRD written as YAML reads back as the same CRD', () => {
  for (const crd of allCrds()) assert.deepEqual(parse(stringify(crd)), crd, crd.metadata.name)
})
