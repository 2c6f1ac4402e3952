import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RestoreSpec } from '#api/restore.ts'
import { renderDescription } from '../describe.ts'
import { restoreSpecLines } from './restore-spec-lines.ts'

const described = (spec: RestoreSpec): string => renderDescription(restoreSpecLines(spec))

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
  assert.match(text, /^ {2}Included: +shop, bar$/m)
  assert.match(text, /^ {2}Cluster-scoped: +excluded$/m)
  assert.match(text, /^Namespace mappings: +bar=copy *\n +shop=copy$/m)
  assert.match(text, /^Or label selector: +a=b or c=d$/m)
  assert.match(text, /^Restore PVs: +false$/m)
  assert.match(text, /^Existing Resource Policy: +update$/m)
  assert.match(
    text,
    /\nPreserve Service NodePorts: +true\n\nResource modifier:\n {2}Type: +configmap\n {2}Name: +rules\n\nUploader config:\n {2}Write Sparse Files: +true\n {2}Parallel Restore: +4\n$/,
  )
})
