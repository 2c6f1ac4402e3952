import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { RunLog } from '#archive/run-log.ts'
import type { Item } from '#kube/object.ts'
import { openUncovered } from './uncovered.ts'

test('a backup of objects alone has nothing to report', () => {
  assert.deepEqual(report([item('pods', {}), item('configmaps', {})]), [])
})

test('copies that were asked for are errors', () => {
  assert.deepEqual(report([item('pods', { 'backup.velero.io/backup-volumes': 'data' })]), [
    'error: Files of volumes are not copied by this version of Lifeboat: asked for by 1 pods',
  ])
})

function report(items: readonly Item[]): string[] {
  const uncovered = openUncovered()
  for (const one of items) uncovered.see(one)
  const lines: string[] = []
  const say = (level: string) => (message: string) => void lines.push(`${level}: ${message}`)
  const log: RunLog = { debug: say('debug'), info: say('info'), warning: say('warning'), error: say('error') }
  uncovered.report(log)
  return lines
}

function item(plural: string, annotations: Record<string, string>): Item {
  const type = { group: '', version: 'v1', plural, kind: 'X', namespaced: false }
  return {
    type,
    namespace: undefined,
    name: 'a',
    object: { apiVersion: 'v1', kind: 'X', metadata: { name: 'a', annotations } },
  }
}
