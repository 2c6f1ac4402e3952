import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseOptions } from './options.ts'

test('a command line with the work and the number of objects measures three runs into a directory', () => {
  assert.deepEqual(parseOptions(['backup', '--objects', '10000']), {
    work: 'backup',
    part: 'all',
    scale: 1,
    objects: 10_000,
    backups: 0,
    schedules: 0,
    volumes: 0,
    readyAfter: 0,
    case: 'empty',
    shape: 'mixed',
    store: 'dir',
    door: 'cli',
    peer: undefined,
    runs: 3,
    peerRuns: 3,
    changes: 500,
    json: false,
    profile: undefined,
  })
})

test('a suite needs no number of objects, and may be a part of it', () => {
  const parsed = parseOptions(['suite', 'restore', '--peer', 'velero', '--runs', '1', '--scale', '100'])
  assert.ok(!('mistake' in parsed))
  const { work, part, peer, runs, peerRuns, scale } = parsed
  assert.deepEqual(
    { work, part, peer, runs, peerRuns, scale },
    {
      work: 'suite',
      part: 'restore',
      peer: 'velero',
      runs: 1,
      peerRuns: 1,
      scale: 100,
    },
  )
})

test('a sync is told the number of backups, schedules theirs', () => {
  const sync = parseOptions(['sync', '--backups', '10000', '--store', 's3'])
  assert.ok(!('mistake' in sync))
  assert.deepEqual([sync.work, sync.backups, sync.store], ['sync', 10_000, 's3'])
  const schedules = parseOptions(['schedules', '--schedules', '1000'])
  assert.ok(!('mistake' in schedules))
  assert.deepEqual([schedules.work, schedules.schedules], ['schedules', 1000])
})

test('volumes are told their number and when snapshots are ready, and ask the peer once', () => {
  const parsed = parseOptions(['volumes', '--volumes', '50', '--ready-after', '5', '--peer', 'velero'])
  assert.ok(!('mistake' in parsed))
  const { work, volumes, readyAfter, runs, peerRuns } = parsed
  assert.deepEqual([work, volumes, readyAfter, runs, peerRuns], ['volumes', 50, 5, 3, 1])
})

test('every mistake on the command line is one line that ends with the usage', () => {
  const wrong = [
    [],
    ['backup'],
    ['burn', '--objects', '10'],
    ['backup', 'restore', '--objects', '10'],
    ['backup', '--objects', '0'],
    ['backup', '--objects', 'many'],
    ['backup', '--objects', '10', '--store', 'tape'],
    ['backup', '--objects', '10', '--door', 'window'],
    ['restore', '--objects', '10', '--peer', 'somebody'],
    ['backup', '--objects', '10', '--runs', '-1'],
    ['backup', '--objects', '10', '--fast'],
    ['restore', '--objects', '10', '--case', 'broken'],
    ['sync', '--objects', '10'],
    ['schedules', '--backups', '10'],
    ['volumes', '--objects', '10'],
    ['volumes', '--volumes', '10', '--ready-after', 'soon'],
    ['suite', 'churn'],
    ['suite', 'backup', 'restore'],
  ]
  for (const args of wrong) {
    const parsed = parseOptions(args)
    assert.ok('mistake' in parsed, args.join(' '))
    assert.match(parsed.mistake, /^[^\n]+; usage: npm run bench -- [^\n]+$/)
  }
})
