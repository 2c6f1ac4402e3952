import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SandboxError } from './error.ts'
import { requireNodeRights } from './node.ts'
import { slotOf } from './node-slot.ts'

test('a node is refused to whoever is not root, and where there is no Linux, in one line that says what to do', () => {
  requireNodeRights({ platform: 'linux', uid: 0 })
  for (const [where, word] of [
    [{ platform: 'linux' as const, uid: 1000 }, /needs root.*without a node$/],
    [{ platform: 'darwin' as const, uid: 0 }, /needs Linux.*without one$/],
  ] as const) {
    assert.throws(
      () => requireNodeRights(where),
      (error) => {
        assert.ok(error instanceof SandboxError && error.problem === 'node-refused')
        assert.match(error.message, word)
        assert.doesNotMatch(error.message, /\n/)
        return true
      },
    )
  }
})

test('no two nodes of a machine share a name or an address', () => {
  const slots = Array.from({ length: 32 }, (_, number) => Object.values(slotOf(number)))
  assert.equal(new Set(slots.flat()).size, slots.flat().length)
})
