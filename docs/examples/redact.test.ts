// How a plug-in is tested: its actions are objects with functions.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ItemDecision } from 'lifeboat/plugin'
import plugin from './redact.ts'

test('values do not get into the backup, their keys do', async () => {
  const metadata = { name: 'card', namespace: 'shop' }
  const secret = { apiVersion: 'v1', kind: 'Secret', metadata, data: { pin: 'MTIzNA==' } }
  const backup = { apiVersion: 'velero.io/v1', kind: 'Backup', metadata: { name: 'nightly' }, spec: {} }
  const decision = await plugin.backupItemActions[0]?.execute(secret, { backup })
  const item = (decision as ItemDecision | undefined)?.item
  assert.deepEqual(item?.['data'], { pin: '' })
  assert.deepEqual(item?.metadata.annotations, { 'example.com/redacted': 'pin' })
})
