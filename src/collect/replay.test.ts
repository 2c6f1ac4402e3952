import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { WatchEvent } from '#kube/client.ts'
import type { KubeObject } from '#kube/object.ts'
import { keyOf, type ReadingPart } from './list.ts'
import { openReplay } from './replay.ts'
import { isOlder, latest } from './version.ts'

type Step = { name: string; what: 'write' | 'delete' }

const START = 95

/** All states of a few objects: the one at version `START + i` has seen the first `i` steps. And the events between them. */
function historyOf(steps: readonly Step[]): { states: Map<string, KubeObject>[]; events: WatchEvent[] } {
  const states = [new Map<string, KubeObject>()]
  const events: WatchEvent[] = []
  for (const [index, { name, what }] of steps.entries()) {
    const version = String(START + index + 1)
    const state = new Map(states.at(-1))
    const object: KubeObject = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'shop', resourceVersion: version },
    }
    const was = state.delete(keyOf(object))
    if (what === 'write') state.set(keyOf(object), object)
    if (what === 'write') events.push({ type: was ? 'MODIFIED' : 'ADDED', object })
    else if (was) events.push({ type: 'DELETED', object })
    states.push(state)
  }
  return { states, events }
}

const step = fc.record({
  name: fc.constantFrom('a', 'b', 'c', 'd'),
  what: fc.constantFrom('write' as const, 'write' as const, 'delete' as const),
})

test('a list read in parts at several versions, with the changes since, is the list at the later version', () => {
  const scenario = fc.record({
    steps: fc.array(step, { minLength: 1, maxLength: 30 }),
    cuts: fc.array(fc.nat(30), { minLength: 1, maxLength: 3 }),
    borders: fc.array(fc.constantFrom('shop/a', 'shop/b', 'shop/c'), { minLength: 2, maxLength: 2 }),
  })
  fc.assert(
    fc.property(scenario, ({ steps, cuts, borders }) => {
      const { states, events } = historyOf(steps)
      const versions = cuts.map((cut) => Math.min(cut, steps.length)).toSorted((a, b) => a - b)
      const upTo = [...borders.toSorted().slice(0, versions.length - 1), undefined]
      const parts: ReadingPart[] = versions.map((at, i) => ({ upTo: upTo[i], resourceVersion: String(START + at) }))
      // What a list that broke off and went on has read.
      const archive = new Map<string, KubeObject>()
      for (const [i, at] of versions.entries()) {
        for (const [key, object] of states[at] ?? []) {
          const after = i === 0 || key > (upTo[i - 1] ?? '')
          if (after && (upTo[i] === undefined || key <= (upTo[i] ?? ''))) archive.set(key, object)
        }
      }
      const target = String(START + steps.length)
      const replay = openReplay(parts, target)
      const oldest = START + (versions[0] ?? 0)
      for (const event of events) {
        if (event.type !== 'BOOKMARK' && Number(event.object.metadata.resourceVersion) > oldest) replay.note(event)
      }
      for (const [key, { object, present }] of replay.last) {
        if (present) archive.set(key, object)
        else archive.delete(key)
      }
      const sorted = (map: ReadonlyMap<string, KubeObject>): unknown[] =>
        [...map].toSorted(([a], [b]) => (a < b ? -1 : 1))
      assert.deepEqual(sorted(archive), sorted(states.at(-1) ?? new Map()))
    }),
  )
})

test('a replay has heard all at the target, by an event or a bookmark, and takes nothing from beyond', () => {
  const at = (resourceVersion: string): KubeObject => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'a', resourceVersion },
  })
  const open = () => openReplay([{ upTo: undefined, resourceVersion: '9' }], '11')
  assert.equal(open().note({ type: 'MODIFIED', object: at('10') }), false)
  assert.equal(open().note({ type: 'BOOKMARK', resourceVersion: '10' }), false)
  assert.equal(open().note({ type: 'BOOKMARK', resourceVersion: '11' }), true)
  assert.equal(open().note({ type: 'MODIFIED', object: at('11') }), true)
  const beyond = open()
  assert.equal(beyond.note({ type: 'MODIFIED', object: at('12') }), true)
  assert.equal(beyond.last.size, 0)
})

test('versions are ordered as numbers, however long', () => {
  const number = fc.bigInt({ min: 1n, max: 2n ** 70n })
  fc.assert(fc.property(number, number, (a, b) => assert.equal(isOlder(String(a), String(b)), a < b)))
  assert.equal(latest(['9', '10', '8']), '10')
  assert.equal(latest([]), undefined)
})
