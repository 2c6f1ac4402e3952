import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { logLevels, type LogFormat, type LogLevel } from './config.ts'
import { logfmt, serverLog } from './log.ts'

function written(level: LogLevel, format: LogFormat): string[] {
  const lines: string[] = []
  const log = serverLog({ level, format }, { write: (line) => void lines.push(line) })
  log.debug({ a: 1 }, 'looked')
  log.info({ backup: 'shop', problems: ['one', 'two'] }, 'backup started')
  log.warn({}, 'slow')
  log.error({ error: 'no "such" thing' }, 'failed')
  return lines
}

test('the level decides what is logged, in every format', () => {
  const words = ['looked', 'backup started', 'slow', 'failed']
  const from: Record<LogLevel, number> = { trace: 0, debug: 0, info: 1, warning: 2, error: 3, fatal: 4, panic: 4 }
  for (const level of logLevels) {
    for (const format of ['json', 'text'] as const) {
      const lines = written(level, format)
      assert.equal(lines.length, words.length - from[level], level)
      for (const [i, word] of words.slice(from[level]).entries())
        assert.ok(lines[i]?.includes(word), `${level} ${word}`)
    }
  }
})

test('JSON lines hold fields as they are, and Velero’s words for levels', () => {
  const [started, slow] = written('info', 'json').map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.equal(started?.['level'], 'info')
  assert.equal(started['msg'], 'backup started')
  assert.deepEqual(started['problems'], ['one', 'two'])
  assert.ok(!Number.isNaN(Date.parse(String(started['time']))))
  assert.equal(slow?.['level'], 'warning')
})

test('text lines are logfmt: time, level and message first', () => {
  const [started, , failed] = written('info', 'text')
  assert.match(
    started ?? '',
    /^time=\S+ level=info msg="backup started" backup=shop problems="\[\\"one\\",\\"two\\"\]"\n$/,
  )
  assert.match(failed ?? '', /^time=\S+ level=error msg=failed error="no \\"such\\" thing"\n$/)
})

test('whatever is logged, a text line is one line and gives every text back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), (a, b) => {
      const line = logfmt({ time: 't', level: 'info', msg: a, b })
      assert.ok(!/[\n\r]/.test(line))
      const values = [...line.matchAll(/(\w+)=("(?:[^"\\]|\\.)*"|\S*)/g)].map(([, key, value]) => [
        key,
        value?.startsWith('"') === true ? (JSON.parse(value) as string) : value,
      ])
      assert.deepEqual(values, [
        ['time', 't'],
        ['level', 'info'],
        ['msg', a],
        ['b', b],
      ])
    }),
  )
})
