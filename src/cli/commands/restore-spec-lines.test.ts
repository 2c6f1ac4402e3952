import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RestoreSpec } from '#api/restore.ts'
import { renderDescription } from '../describe.ts'
import { restoreSpecLines } from './restore-spec-lines.ts'

const described = (spec: RestoreSpec): string => renderDescription(restoreSpecLines(spec))

test('a restore that asks for nothing special is described as Velero describes it', () => {
  assert.equal(
    described({ includedNamespaces: ['*'], itemOperationTimeout: '4h0m0s' }),
    `Namespaces:
  Included:  all namespaces found in the backup
  Excluded:  <none>

Resources:
  Included:        *
  Excluded:        <none>
  Cluster-scoped:  auto

Namespace mappings:  <none>

Label selector:  <none>

Or label selector:  <none>

Restore PVs:  auto

Existing Resource Policy:  <none>
ItemOperationTimeout:      4h0m0s

Preserve Service NodePorts:  auto
`,
  )
})

test('every wish has its place', () => {
  const text = described({
    includedNamespaces: ['shop', 'bar'],
    excludedResources: ['nodes'],
    includeClusterResources: false,
    namespaceMapping: { shop: 'copy', bar: 'copy' },
    orLabelSelectors: [{ matchLabels: { a: 'b' } }, { matchLabels: { c: 'd' } }],
    restorePVs: false,
    existingResourcePolicy: 'update',
    itemOperationTimeout: '1h0m0s',
    preserveNodePorts: true,
    resourceModifier: { kind: 'configmap', name: 'rules' },
    uploaderConfig: { writeSparseFiles: true, parallelFilesDownload: 4 },
  })
  assert.match(text, /^ {2}Included: {2}shop, bar$/m)
  assert.match(text, /^ {2}Cluster-scoped: {2}excluded$/m)
  assert.match(text, /^Namespace mappings: {2}bar=copy\n {21}shop=copy$/m)
  assert.match(text, /^Or label selector: {2}a=b or c=d$/m)
  assert.match(text, /^Restore PVs: {2}false$/m)
  assert.match(text, /^Existing Resource Policy: {2}update$/m)
  assert.match(
    text,
    /\nPreserve Service NodePorts: {2}true\n\nResource modifier:\n {2}Type: {2}configmap\n {2}Name: {2}rules\n\nUploader config:\n {2}Write Sparse Files: {2}true\n {2}Parallel Restore: {2}4\n$/,
  )
})
