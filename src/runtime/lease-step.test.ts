import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { heldBy, leaseStep, sight, usualLeaseTimes, type Lease, type Sighting } from './lease-step.ts'

const times = usualLeaseTimes

function leaseOf(holderIdentity: string, leaseDurationSeconds = 15): Lease {
  const metadata = { name: 'lifeboat-server', resourceVersion: '7' }
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata,
    spec: { holderIdentity, leaseDurationSeconds },
  }
}

test('a lease that is missing is made, a free one taken, an own one renewed, a foreign one waited for until it is dead', () => {
  const facts = { identity: 'me', unchangedFor: 0, duration: 15_000 }
  assert.equal(leaseStep(undefined, facts), 'create')
  assert.equal(leaseStep(leaseOf(''), facts), 'take')
  assert.equal(leaseStep(leaseOf('me'), facts), 'renew')
  assert.equal(leaseStep(leaseOf('you'), facts), 'wait')
  assert.equal(leaseStep(leaseOf('you'), { ...facts, unchangedFor: 15_000 }), 'wait')
  assert.equal(leaseStep(leaseOf('you'), { ...facts, unchangedFor: 15_001 }), 'take')
  // What counts is how long its holder said that it lasts.
  assert.equal(leaseStep(leaseOf('you', 60), { ...facts, unchangedFor: 15_001 }), 'wait')
})

test('a renewal keeps when the lease was acquired, a change of holder counts', () => {
  const facts = { name: 'l', namespace: 'n', now: new Date('2026-01-01T10:00:00.123Z'), duration: 15_000 }
  const first = heldBy('me', { ...facts, before: undefined }).spec
  assert.deepEqual(first, {
    holderIdentity: 'me',
    leaseDurationSeconds: 15,
    acquireTime: '2026-01-01T10:00:00.123000Z',
    renewTime: '2026-01-01T10:00:00.123000Z',
    leaseTransitions: 0,
  })
  const before: Lease = { ...leaseOf('me'), spec: first ?? {} }
  const later = { ...facts, before, now: new Date('2026-01-01T10:00:09Z') }
  assert.equal(heldBy('me', later).spec?.acquireTime, '2026-01-01T10:00:00.123000Z')
  assert.equal(heldBy('me', later).spec?.renewTime, '2026-01-01T10:00:09.000000Z')
  assert.equal(heldBy('you', later).spec?.leaseTransitions, 1)
  assert.equal(heldBy('you', later).metadata.resourceVersion, '7')
})

/** One candidate as lease.ts plays it, on a clock of its own: `trustedUntil` and what it has seen are in that clock. */
interface Candidate {
  readonly identity: string
  readonly ahead: number
  seen: Sighting | undefined
  trustedUntil: number
}

const turn = fc.record({
  who: fc.nat({ max: 2 }),
  /** How long until this turn comes. */
  after: fc.nat({ max: 6000 }),
  /** How long its write is on its way. */
  writeTakes: fc.nat({ max: times.patience }),
  arrives: fc.boolean(),
})

test('of three candidates with clocks of their own and a bad network, never do two believe that they lead', () => {
  const offsets = fc.tuple(fc.nat(), fc.nat(), fc.nat())
  fc.assert(
    fc.property(offsets, fc.array(turn, { maxLength: 80 }), (ahead, turns) => {
      const candidates = ahead.map((offset, i): Candidate => ({
        identity: `c${i}`,
        ahead: offset,
        seen: undefined,
        trustedUntil: -1,
      }))
      let lease: Lease | undefined
      let version = 0
      let clock = 0
      for (const { who, after, writeTakes, arrives } of turns) {
        clock += after
        const me = candidates[who] as Candidate
        const sent = clock
        me.seen = sight(lease, me.seen, clock + me.ahead)
        const unchangedFor = clock + me.ahead - me.seen.since
        const step = leaseStep(lease, { identity: me.identity, unchangedFor, duration: times.duration })
        if (step === 'wait' || !arrives) continue
        clock += writeTakes
        version += 1
        const facts = { name: 'l', namespace: 'n', before: lease, now: new Date(clock), duration: times.duration }
        const written = heldBy(me.identity, facts)
        lease = { ...written, metadata: { ...written.metadata, resourceVersion: String(version) } }
        me.trustedUntil = sent + times.trustedFor
        const leading = candidates.filter((one) => one.trustedUntil > clock)
        assert.ok(leading.length <= 1, `${leading.map((one) => one.identity).join(' and ')} at ${clock}`)
      }
    }),
    { numRuns: 500 },
  )
})
