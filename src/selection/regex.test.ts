import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SelectionError } from './error.ts'
import { compileRegex } from './regex.ts'

test('an expression fits a part of the text unless it is anchored', () => {
  for (const [pattern, fitting, others] of [
    ['store', ['store', 'bookstore', 'stores'], ['stor', '']],
    ['^store', ['storefront'], ['bookstore']],
    ['^(pier|kiosk)$', ['pier', 'kiosk'], ['pierkiosk', 'piers']],
    ['^a.*', ['a', 'abc'], ['ba']],
    ['', ['', 'x'], []],
    ['^web-[0-9]+$', ['web-0', 'web-12'], ['web-', 'web-x']],
    ['^[^a-c]{2,3}?$', ['xy', 'xyz'], ['x', 'wxyz', 'ax']],
    ['x{2}y{,3}', ['xxy{,3}'], ['xxy']],
    ['^(?:ab)*$', ['', 'abab'], ['aba']],
    ['a\\.b', ['a.b'], ['axb']],
    ['[]a]', [']', 'a'], ['b']],
    ['[a-]', ['-', 'a'], ['b']],
  ] as const) {
    const fits = compileRegex(pattern)
    for (const text of fitting) assert.ok(fits(text), `${pattern} fits ${text}`)
    for (const text of others) assert.ok(!fits(text), `${pattern} does not fit ${text}`)
  }
})

test('what RE2 has and JavaScript has not is understood as RE2 does', () => {
  for (const [pattern, fitting, others] of [
    ['(?i)WEB', ['my-web', 'Web'], ['wed']],
    ['a(?i)b(?-i)c', ['aBc', 'abc'], ['aBC', 'ABc']],
    ['(?i:x)y', ['Xy'], ['XY']],
    ['(?P<app>shop)-(?<part>web)', ['shop-web'], ['shop']],
    ['\\Aa\\z', ['a'], ['a\n', 'ba']],
    ['^a$', ['a'], ['a\nb']],
    ['(?m)^b$', ['a\nb'], ['ab']],
    ['a.b', [], ['a\nb']],
    ['(?s)a.b', ['a\nb'], []],
    ['^[[:alpha:]]+$', ['abc'], ['ab1']],
    ['^[[:^digit:]x]+$', ['abx'], ['a1']],
    ['\\Qa.b\\E+$', ['a.bbb'], ['axb']],
    ['^\\p{Greek}\\pL\\P{Lu}$', ['αbc'], ['abc', 'αbC']],
    ['^\\x41\\x{42}\\103$', ['ABC'], ['abc']],
    ['\\bweb\\b', ['a-web-1'], ['webs']],
    ['\\Bb', ['ab'], ['a-b']],
    ['^\\d\\D\\w\\W$', ['1ab-'], ['1a--']],
  ] as const) {
    const fits = compileRegex(pattern)
    for (const text of fitting) assert.ok(fits(text), `${pattern} fits ${JSON.stringify(text)}`)
    for (const text of others) assert.ok(!fits(text), `${pattern} does not fit ${JSON.stringify(text)}`)
  }
})

test('what is no RE2 is refused with a reason', () => {
  for (const [pattern, reason] of [
    ['a(', '( without its )'],
    ['a)', ') without its ('],
    ['[a', '[ without its ]'],
    ['*a', 'nothing for * to repeat'],
    ['a**', 'cannot be repeated'],
    ['a{1001}', 'no repetition count'],
    ['a{3,2}', 'no repetition count'],
    ['(?=a)', '(?=a is not part of the syntax RE2'],
    ['(a)\\1', '\\1 is not part of the syntax RE2'],
    ['a\\', 'ends with a \\'],
    ['\\k', '\\k is not part of the syntax RE2'],
    ['[z-a]', 'runs backwards'],
    ['[[:nope:]]', 'no character class [:nope:]'],
    ['\\p{Nope}', 'no character property Nope'],
    ['((a{100}){100}){100}', 'too large'],
    ['('.repeat(100_000), 'deep'],
  ] as const) {
    assert.throws(
      () => compileRegex(pattern),
      (error) => error instanceof SelectionError && error.problem === 'bad-regex' && error.message.includes(reason),
      pattern.slice(0, 20),
    )
  }
})

test('expressions that take JavaScript for ever are answered at once', () => {
  const name = `${'a'.repeat(252)}b`
  for (const pattern of ['^(a+)+$', '^(a|a)*$', '^(a|aa)+$', '^((a*)*)*$', `^${'a*'.repeat(60)}$`]) {
    assert.equal(compileRegex(pattern)(name), false, pattern)
    assert.equal(compileRegex(pattern)(name.slice(0, -1)), true, pattern)
  }
})

/** Expressions that mean the same in RE2 and JavaScript. */
const { expression } = fc.letrec<{ expression: string; piece: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 3 },
    tie('piece'),
    fc.tuple(tie('piece'), tie('expression')).map(([one, other]) => one + other),
    fc.tuple(tie('expression'), tie('expression')).map(([one, other]) => `(?:${one}|${other})`),
    fc.tuple(tie('piece'), fc.constantFrom('*', '+', '?', '{2}', '{0,1}', '{1,}')).map(([one, how]) => one + how),
  ),
  piece: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom('a', 'b', '-', '.', '[ab]', '[^a]', '\\w', '(?:\\b)'),
    tie('expression').map((inner) => `(${inner})`),
  ),
}))

test('where both syntaxes agree, the answer is that of JavaScript', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '-'), maxLength: 8 })
  fc.assert(
    fc.property(expression, text, fc.boolean(), (inner, name, whole) => {
      const pattern = whole ? `^(?:${inner})$` : inner
      assert.equal(compileRegex(pattern)(name), new RegExp(pattern, 'u').test(name), pattern)
    }),
    { numRuns: 500 },
  )
})
