import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { isMemberOf, withoutGroup } from './group-order.ts'
import { groupStep, type GroupSight } from './group-step.ts'
import type { VolumeGroupSnapshot } from './group-types.ts'
import type { VolumeSnapshot } from './snapshot-types.ts'

const apiVersion = 'groupsnapshot.storage.k8s.io/v1'
const limits = { taking: 600_000, errors: 15_000 }
const order = { claims: ['log', 'tables'] }

function group(status: VolumeGroupSnapshot['status'] = {}): VolumeGroupSnapshot {
  return { apiVersion, kind: 'VolumeGroupSnapshot', metadata: { name: 'velero-db', namespace: 'shop' }, status }
}

function member(claim: string, bound = true): VolumeSnapshot {
  const owner = { apiVersion, kind: 'VolumeGroupSnapshot', name: 'velero-db', uid: '1' }
  return {
    apiVersion: 'snapshot.storage.k8s.io/v1',
    kind: 'VolumeSnapshot',
    metadata: {
      name: `snapshot-${claim}`,
      namespace: 'shop',
      ownerReferences: [owner],
      finalizers: ['snapshot.storage.kubernetes.io/volumesnapshot-in-group-protection', 'another'],
    },
    spec: { source: { persistentVolumeClaimName: claim } },
    status: bound ? { boundVolumeSnapshotContentName: `content-${claim}` } : {},
  }
}

function sight(change: Partial<GroupSight> = {}): GroupSight {
  const nothing = { group: undefined, made: false, members: [], refusal: undefined, errorSince: undefined }
  return { ...nothing, since: 0, ...change }
}

const bound = { boundVolumeGroupSnapshotContentName: 'content' }

suite('a group that is being snapshotted', () => {
  const stepOf = (change: Partial<GroupSight>, now = 0) => groupStep(sight(change), order, { limits, now })
  const reasonOf = (change: Partial<GroupSight>, now: number): string => {
    const step = stepOf(change, now)
    return step.do === 'fail' ? step.reason : step.do
  }

  test('is made once, and is lost when somebody deletes it', () => {
    assert.deepEqual(stepOf({}), { do: 'make' })
    assert.match(reasonOf({ made: true }, 0), /somebody deleted/)
    assert.match(reasonOf({ refusal: 'it cannot be made: no', made: false }, 0), /cannot be made/)
    const going = group(bound)
    going.metadata.deletionTimestamp = '2026-01-01T00:00:00Z'
    assert.match(reasonOf({ made: true, group: going }, 0), /somebody deletes/)
  })

  test('is adopted as soon as each claim has its snapshot, and not before', () => {
    const members = [member('log'), member('tables'), member('stranger')]
    assert.equal(stepOf({ made: true, group: group(bound), members }).do, 'adopt')
    assert.equal(stepOf({ made: true, group: group(), members }).do, 'wait')
    const half = [member('log'), member('tables', false)]
    assert.equal(stepOf({ made: true, group: group(bound), members: half }).do, 'wait')
  })

  test('says what it waited for: a controller, the driver, a member', () => {
    const late = limits.taking
    assert.match(reasonOf({ made: true, group: group() }, late), /600 s \(no snapshot controller has answered\)/)
    assert.match(reasonOf({ made: true, group: group(bound) }, late), /not taken within 600 s$/)
    const half = { made: true, group: group(bound), members: [member('log')] }
    assert.match(reasonOf(half, late), /within 600 s it got no snapshot of tables/)
    const refused = group({ ...bound, error: { message: 'no room' } })
    assert.match(reasonOf({ made: true, group: refused, errorSince: 0 }, limits.errors), /the driver says: no room/)
  })

  test('never waits longer than its limits', () => {
    const moment = fc.integer({ min: 0, max: 1_200_000 })
    fc.assert(
      fc.property(moment, fc.option(moment, { nil: undefined }), fc.boolean(), (now, errorSince, half) => {
        const members = half ? [member('log')] : []
        const step = stepOf({ made: true, group: group(bound), members, errorSince }, now)
        const end = Math.min(limits.taking, errorSince === undefined ? Infinity : errorSince + limits.errors)
        assert.equal(step.do, now < end ? 'wait' : 'fail')
      }),
    )
  })
})

test('a member is known by its owner or its status, and stands by itself without both', () => {
  const one = member('log')
  assert.equal(isMemberOf(one, { namespace: 'shop', name: 'velero-db' }), true)
  assert.equal(isMemberOf(one, { namespace: 'other', name: 'velero-db' }), false)
  const single = withoutGroup(one)
  assert.equal(isMemberOf(single, { namespace: 'shop', name: 'velero-db' }), false)
  assert.deepEqual(single.metadata.finalizers, ['another'])
  assert.equal(isMemberOf({ ...single, status: { volumeGroupSnapshotName: 'velero-db' } }, one.metadata), false)
  const named = { ...single, status: { volumeGroupSnapshotName: 'velero-db' } }
  assert.equal(isMemberOf(named, { namespace: 'shop', name: 'velero-db' }), true)
})
