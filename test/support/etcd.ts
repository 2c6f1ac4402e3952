import { setTimeout as pause } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import { ConfigMaps } from './objects.ts'

/** Where API servers tell one another up to which revision etcd was compacted. */
const COMPACTED_KEY = 'compact_rev_key'

/**
 * Makes the API server forget every version up to now, as the compaction every five minutes does: etcd is compacted, and the API
 * server is told by the key that a sister of it would write, for it answers from snapshots in its own memory until then.
 */
export async function compact(kube: KubeClient, etcdUrl: string): Promise<void> {
  const { header } = await ask<{ header: { revision: string } }>(etcdUrl, 'kv/range', { key: encoded('x') })
  const { revision } = header
  await ask(etcdUrl, 'kv/put', { key: encoded(COMPACTED_KEY), value: encoded(revision) })
  await ask(etcdUrl, 'kv/compaction', { revision, physical: true })
  const at = String(Number(revision) - 1)
  while (await isKnown(kube, at)) await pause(100)
}

/** Puts etcd into the state of a full disk, or ends it: it serves what it has and takes nothing more. */
export async function fillUp(etcdUrl: string, isFull: boolean): Promise<void> {
  const { members } = await ask<{ members: { ID: string }[] }>(etcdUrl, 'cluster/member/list', {})
  const [{ ID: memberID } = { ID: '0' }] = members
  await ask(etcdUrl, 'maintenance/alarm', { action: isFull ? 'ACTIVATE' : 'DEACTIVATE', memberID, alarm: 'NOSPACE' })
}

async function isKnown(kube: KubeClient, resourceVersion: string): Promise<boolean> {
  try {
    await kube.list(ConfigMaps, { limit: 1, resourceVersion, resourceVersionMatch: 'Exact' })
    return true
  } catch (error) {
    if (error instanceof KubeError && error.problem === 'expired') return false
    throw error
  }
}

async function ask<T>(etcdUrl: string, path: string, body: object): Promise<T> {
  const response = await fetch(`${etcdUrl}/v3/${path}`, { method: 'POST', body: JSON.stringify(body) })
  if (!response.ok) throw new Error(`etcd: ${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as T
}

function encoded(text: string): string {
  return Buffer.from(text).toString('base64')
}
