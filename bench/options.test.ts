import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseOptions } from './options.ts'

test('a command line with the work and the number of objects measures three runs into a directory', () => {
  assert.deepEqual(parseOptions(['backup', '--objects', '10000']), {
    work: 'backup',
    objects: 10_000,
    shape: 'mixed',
    store: 'dir',
    door: 'cli',
    peer: undefined,
    runs: 3,
    changes: 500,
    json: false,
    profile: undefined,
  })
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
  ]
  for (const args of wrong) {
    const parsed = parseOptions(args)
    assert.ok('mistake' in parsed, args.join(' '))
    assert.match(parsed.mistake, /^[^\n]+; usage: npm run bench -- [^\n]+$/)
  }
})
