import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { modifierValue } from './modifier-value.ts'

const valueOf = (text: string): unknown => modifierValue(text)?.value

test('a value is what Velero makes of it', () => {
  for (const [text, value] of [
    ['null', null],
    ['true', true],
    ['false', false],
    ['9', 9],
    ['-1.5', -1.5],
    ['{"name":"EXTRA","value":"1"}', { name: 'EXTRA', value: '1' }],
    ['[1,"2"]', [1, '2']],
    ['"true"', 'true'],
    ['"007"', '007'],
    ['""', ''],
    ['', ''],
    ['web', 'web'],
    ['10Gi', '10Gi'],
    [' 9', ' 9'],
    ['one\\ntwo', 'one\ntwo'],
    ['"one\\ntwo"', 'one\ntwo'],
    ['\\u00fc', 'ü'],
  ] as const) {
    assert.deepEqual(valueOf(text), value, text)
  }
})

test('what Velero pastes into broken JSON is taken for what it says', () => {
  for (const [text, value] of [
    ['high "spring"', 'high "spring"'],
    ['"high "spring""', 'high "spring"'],
    ['C:\\dir', 'C:\\dir'],
    ['one\ntwo', 'one\ntwo'],
    ['TRUE', true],
    ['007', '007'],
    ['+1', '+1'],
    ['.5', '.5'],
    ['Inf', 'Inf'],
    ['"', '"'],
  ] as const) {
    assert.deepEqual(valueOf(text), value, text)
  }
})

test('numbers are not rounded', () => {
  for (const text of ['9007199254740993', '1.10', '1e100', '{"a":12345678901234567890}']) {
    assert.equal(JSON.stringify(valueOf(text)), text)
  }
})

test('broken JSON is told from text', () => {
  for (const text of ['{"a":1', '{{ .Values.x }}', '[1,]']) assert.equal(modifierValue(text), undefined, text)
})

test('any JSON written as a value means itself, and text in quotes always means text', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value)
      assert.equal(JSON.stringify(valueOf(text)), text)
    }),
  )
  fc.assert(fc.property(fc.string(), (text) => assert.equal(typeof valueOf(`"${text}"`), 'string')))
})
