import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import { snapshotStep, type SnapshotSight } from './snapshot-step.ts'
import type { VolumeSnapshot, VolumeSnapshotContent } from './snapshot-types.ts'

const limits = { taking: 600_000, errors: 600_000 }

function snapshot(status: VolumeSnapshot['status'] = {}): VolumeSnapshot {
  const metadata = { name: 'velero-data', namespace: 'shop' }
  return { apiVersion: 'snapshot.storage.k8s.io/v1', kind: 'VolumeSnapshot', metadata, status }
}

function content(snapshotHandle?: string): VolumeSnapshotContent {
  const metadata = { name: 'snapcontent-1' }
  const status = snapshotHandle === undefined ? {} : { snapshotHandle }
  return { apiVersion: 'snapshot.storage.k8s.io/v1', kind: 'VolumeSnapshotContent', metadata, status }
}

function sight(change: Partial<SnapshotSight> = {}): SnapshotSight {
  const nothing = { snapshot: undefined, made: false, content: undefined, refusal: undefined, errorSince: undefined }
  return { ...nothing, since: 0, ...change }
}

const ready = {
  boundVolumeSnapshotContentName: 'snapcontent-1',
  creationTime: '2026-01-01T00:00:00Z',
  readyToUse: true,
}
const taken = { ...ready, readyToUse: false }

suite('a snapshot that is being taken', () => {
  test('is made once, and is lost when somebody deletes it', () => {
    assert.deepEqual(snapshotStep(sight(), limits, 0), { do: 'make' })
    assert.equal(snapshotStep(sight({ made: true }), limits, 0).do, 'fail')
    const deleted = snapshot(ready)
    deleted.metadata.deletionTimestamp = '2026-01-01T00:00:00Z'
    assert.equal(snapshotStep(sight({ made: true, snapshot: deleted }), limits, 0).do, 'fail')
  })

  test('may take as long as the backup says, whatever the driver says meanwhile', () => {
    const waiting = sight({ made: true, snapshot: snapshot({ error: { message: 'busy' } }), errorSince: 1000 })
    assert.deepEqual(snapshotStep(waiting, limits, 599_999), { do: 'wait', taken: false, until: 600_000 })
    assert.deepEqual(snapshotStep(waiting, limits, 600_000), { do: 'fail', reason: 'the driver says: busy' })
  })

  test('is given up soon after an error while an application stands still', () => {
    const waiting = sight({ made: true, snapshot: snapshot({ error: { message: 'busy' } }), errorSince: 1000 })
    const hurried = { taking: 600_000, errors: 15_000 }
    assert.deepEqual(snapshotStep(waiting, hurried, 15_999), { do: 'wait', taken: false, until: 16_000 })
    assert.equal(snapshotStep(waiting, hurried, 16_000).do, 'fail')
  })

  test('says that nobody has answered when there is no controller', () => {
    const step = snapshotStep(sight({ made: true, snapshot: snapshot() }), limits, 600_000)
    assert.match(
      step.do === 'fail' ? step.reason : '',
      /not taken within 600 s \(no snapshot controller has answered\)/,
    )
  })

  test('has no limit once it is taken, unless an error stays', () => {
    const state = sight({ made: true, snapshot: snapshot(taken) })
    assert.deepEqual(snapshotStep(state, limits, 1e9), { do: 'wait', taken: true, until: undefined })
    const wrong = sight({ made: true, snapshot: snapshot({ ...taken, error: { message: 'lost' } }), errorSince: 1e9 })
    assert.equal(snapshotStep(wrong, limits, 1e9 + 59_999).do, 'wait')
    assert.equal(snapshotStep(wrong, limits, 1e9 + 60_000).do, 'fail')
  })

  test('ends with its content, which must have the handle of the storage', () => {
    const seen = { made: true, snapshot: snapshot(ready) }
    assert.equal(snapshotStep(sight(seen), limits, 0).do, 'read-content')
    assert.equal(snapshotStep(sight({ ...seen, content: content() }), limits, 0).do, 'read-content')
    assert.equal(snapshotStep(sight({ ...seen, content: content('snap-1') }), limits, 0).do, 'end')
    assert.equal(snapshotStep(sight({ ...seen, content: 'missing' }), limits, 0).do, 'fail')
  })

  test('ends only with a handle, never waits beyond its time unless it is taken, and always says why it fails', () => {
    const text = fc.constantFrom(undefined, 'busy')
    const facts = fc.record({
      made: fc.boolean(),
      there: fc.boolean(),
      status: fc.constantFrom({}, taken, ready),
      error: text,
      handle: fc.constantFrom(undefined, 'none', 'snap-1'),
      refusal: text,
      now: fc.nat(700_000),
    })
    fc.assert(
      fc.property(facts, ({ made, there, status, error, handle, refusal, now }) => {
        const said = error === undefined ? status : { ...status, error: { message: error } }
        const step = snapshotStep(
          sight({
            made: made || there,
            snapshot: there ? snapshot(said) : undefined,
            content: handle === undefined ? undefined : content(handle === 'none' ? undefined : handle),
            refusal,
            errorSince: error === undefined ? undefined : 0,
          }),
          limits,
          now,
        )
        if (step.do === 'end') assert.equal(step.content.status?.snapshotHandle, 'snap-1')
        if (step.do === 'wait' && !step.taken) assert.ok(now < limits.taking)
        if (step.do === 'fail') assert.ok(step.reason.length > 0)
        if (step.do === 'make') assert.ok(!made && !there)
      }),
    )
  })
})
