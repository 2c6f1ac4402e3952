import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { LabelRequirement, LabelSelector } from './label-selector.ts'
import { formatSelector, matchesSelector, parseSelector, selectorProblems } from './label-selector.ts'

const refusal = (text: string, message: RegExp): void =>
  assert.throws(() => parseSelector(text), { name: 'SelectionError', problem: 'bad-selector', message })

test('every form that a LabelSelector can say is read', () => {
  const text = 'app=web, tier == db ,env in (prod, dev),zone notin (a),owner,!gone,example.com/empty='
  assert.deepEqual(parseSelector(text), {
    matchLabels: { app: 'web', tier: 'db', 'example.com/empty': '' },
    matchExpressions: [
      { key: 'env', operator: 'In', values: ['prod', 'dev'] },
      { key: 'zone', operator: 'NotIn', values: ['a'] },
      { key: 'owner', operator: 'Exists' },
      { key: 'gone', operator: 'DoesNotExist' },
    ],
  })
})

test('no text is the selector of everything', () => {
  assert.deepEqual(parseSelector(' '), {})
  assert.equal(matchesSelector({}, undefined), true)
})

test('an inequality is refused with the words to write instead', () => {
  refusal('a=b,tier!=db', /"!=" is not a valid label selector operator; write "tier notin \(db\)"/)
})

test('what is no selector is refused, and the part that is wrong is named', () => {
  refusal('a=b,', /cannot understand ""/)
  refusal('a b', /cannot understand "a b"/)
  refusal('size>3', /">" is not a valid label selector operator/)
  refusal('-a=b', /"-a" is not a valid label key/)
  refusal(`a=${'v'.repeat(64)}`, /is not a valid label value/)
  refusal('a in (b', /cannot understand/)
})

test('two values wanted of one key select nothing, as in kubectl', () => {
  assert.equal(matchesSelector(parseSelector('a=b,a=c'), { a: 'c' }), false)
})

test('a selector from a file that no API server would take is described', () => {
  const selector: LabelSelector = {
    matchExpressions: [
      { key: 'a', operator: 'In', values: [] },
      { key: 'b', operator: 'Exists', values: ['x'] },
      { key: 'c', operator: 'Equals', values: ['x'] },
    ],
  }
  assert.deepEqual(selectorProblems(selector), [
    'the label a has the operator In and no values',
    'the label b has the operator Exists, which takes no values',
    '"Equals" is not a valid label selector operator',
  ])
  assert.equal(matchesSelector({ matchExpressions: [{ key: 'c', operator: 'Equals' }] }, { c: 'x' }), false)
})

const name = fc.stringMatching(/^[a-z]([a-zA-Z0-9._-]{0,3}[a-z0-9])?$/)
const key = fc.oneof(
  fc.constantFrom('a', 'b', 'in', 'notin'),
  fc.tuple(name, name).map(([p, n]) => `${p.toLowerCase().replaceAll(/[^a-z]/g, 'x')}/${n}`),
)
const value = fc.oneof(fc.constantFrom('', 'x', 'y', 'z'), name)
const requirement: fc.Arbitrary<LabelRequirement> = fc.oneof(
  fc.record({
    key,
    operator: fc.constantFrom('In', 'NotIn'),
    values: fc.uniqueArray(value, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ key, operator: fc.constantFrom('Exists', 'DoesNotExist') }),
)
const selectors: fc.Arbitrary<LabelSelector> = fc.record({
  matchLabels: fc.dictionary(key, value, { maxKeys: 3 }),
  matchExpressions: fc.array(requirement, { maxLength: 3 }),
})
const labels = fc.dictionary(fc.constantFrom('a', 'b', 'in', 'notin'), value)

test('what is formatted reads back as the same question', () => {
  fc.assert(
    fc.property(selectors, labels, (selector, own) => {
      const again = parseSelector(formatSelector(selector))
      assert.equal(matchesSelector(again, own), matchesSelector(selector, own))
      assert.equal(formatSelector(parseSelector(formatSelector(again))), formatSelector(again))
    }),
  )
})

test('a selector holds where each of its parts holds', () => {
  const holds = ({ key: of, operator, values = [] }: LabelRequirement, own: Record<string, string>): boolean => {
    const found = Object.entries(own).filter(([k]) => k === of)
    const listed = found.some(([, v]) => values.includes(v))
    return { In: listed, NotIn: !listed, Exists: found.length > 0, DoesNotExist: found.length === 0 }[operator] === true
  }
  fc.assert(
    fc.property(selectors, labels, (selector, own) => {
      const equalities = Object.entries(selector.matchLabels ?? {})
      const expected =
        equalities.every(([k, v]) => own[k] === v) && (selector.matchExpressions ?? []).every((r) => holds(r, own))
      assert.equal(matchesSelector(selector, own), expected)
    }),
  )
})
