import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileGlob, compilePartsGlob, isGlob, namespacePatternProblem } from './globs.ts'

const fits = (pattern: string, name: string): boolean => compileGlob(pattern)(name)

test('patterns fit as in Velero', () => {
  for (const [pattern, name] of [
    ['*', ''],
    ['app-*', 'app-one'],
    ['db?', 'db1'],
    ['[a-c]x', 'bx'],
    ['[!a-c]x', 'dx'],
    ['{app,db}-*', 'db-1'],
    ['*.example.com', 'widgets.example.com'],
  ] as const) {
    assert.ok(fits(pattern, name), `${pattern} ${name}`)
  }
  for (const [pattern, name] of [
    ['app-*', 'myapp-one'],
    ['db?', 'db'],
    ['a.b', 'axb'],
    ['a.b*', 'axb'],
    ['[!a-c]x', 'bx'],
    ['{app,db}', 'web'],
  ] as const) {
    assert.ok(!fits(pattern, name), `${pattern} ${name}`)
  }
})

test('what means something to regular expressions means nothing here', () => {
  for (const sign of ['&', '~', '|', '^', '-', '/', '$', '\\']) {
    assert.ok(fits(`[x${sign}]`, sign) && fits(`*${sign}`, `a${sign}`), sign)
  }
  assert.ok(fits('{[}]', '{}') && fits('{[,],a}', ','))
})

test('brackets and braces without a partner stand for themselves', () => {
  for (const text of ['[', 'a{', 'x{a,b', '}{', '[]', 'a]']) assert.ok(fits(text, text), text)
})

test('what cannot name namespaces of a backup is refused in the words of Velero', () => {
  const unsupported = 'wildcard pattern contains unsupported characters: |, (, ), !, {, }, ,'
  assert.equal(namespacePatternProblem('x|y'), unsupported)
  assert.match(namespacePatternProblem('a**b') ?? '', /consecutive asterisks/)
  assert.match(namespacePatternProblem('a[]') ?? '', /empty bracket pattern '\[\]'/)
  assert.match(namespacePatternProblem('a[b') ?? '', /unclosed bracket '\['/)
  assert.match(namespacePatternProblem('a[b]]') ?? '', /unmatched closing bracket '\]'/)
  assert.match(namespacePatternProblem('a[^b]') ?? '', /invalid namespace "a\[\^b\]"/)
  assert.match(namespacePatternProblem('a.b') ?? '', /invalid namespace "a\.b": must not contain dots/)
  assert.equal(namespacePatternProblem('a[[b]'), undefined)
  assert.match(namespacePatternProblem('Upper') ?? '', /invalid namespace "Upper": a lowercase RFC 1123 label/)
  assert.match(namespacePatternProblem('a'.repeat(64)) ?? '', /no more than 63/)
})

test('alternatives may be written where Velero knows none; each of them must do for a namespace', () => {
  for (const text of ['{a,b}', 'shop-{one,two}', 'shop{,-tmp}', '{a,b}-{c,d,e}', '{team-*,db?}']) {
    assert.equal(namespacePatternProblem(text), undefined, text)
  }
  assert.match(namespacePatternProblem('{a,b}-{c,d,E}') ?? '', /^invalid namespace "\{a,b\}-\{c,d,E\}"/)
  assert.match(namespacePatternProblem('{a,b**}') ?? '', /consecutive asterisks/)
  for (const text of ['{a}', '{a,b', 'a,b', '{a,{b,c}}', '}a,b{', '{a|b,c}', '{}']) {
    assert.match(namespacePatternProblem(text) ?? '', /unsupported characters/, text)
  }
})

test('names and patterns that Velero takes pass', () => {
  for (const text of ['', 'shop', '*', '*-tmp', 'db?', 'team-[a-z]', '?'])
    assert.equal(namespacePatternProblem(text), undefined)
})

const letter = fc.constantFrom('a', 'b', 'c', '.', '-')
const part = fc.oneof(letter, fc.constantFrom('*', '?', '[ab]', '[!ab]', '[a-b]'))

/** Backtracking by the book, without regular expressions. */
function model(pattern: readonly string[], name: string): boolean {
  const [first, ...rest] = pattern
  if (first === undefined) return name === ''
  if (first === '*') return model(rest, name) || (name !== '' && model(pattern, name.slice(1)))
  if (name === '') return false
  const inSet = name.startsWith('a') || name.startsWith('b')
  const one = first === '?' || first === name[0] || (first.startsWith('[!') ? !inSet : first.startsWith('[') && inSet)
  return one && model(rest, name.slice(1))
}

test('a pattern fits a name exactly when the model says so', () => {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 6 }), fc.string({ unit: letter, maxLength: 6 }), (parts, name) => {
      assert.equal(fits(parts.join(''), name), model(parts, name))
    }),
  )
})

const patterns = fc.string({ unit: fc.constantFrom(...'*?[]{},!^-&~|\\\\ab/$'.split('')), maxLength: 8 })

test('any text at all can be compiled, and a plain one fits only itself', () => {
  fc.assert(
    fc.property(fc.oneof(patterns, fc.string({ unit: 'binary', maxLength: 12 })), fc.string(), (pattern, name) => {
      const result = fits(pattern, name)
      if (!isGlob(pattern)) assert.equal(result, pattern === name)
    }),
  )
})

test('with a separator a star ends at it, and two stars do not', () => {
  for (const [pattern, fitting, others] of [
    ['*', ['pods'], ['deployments.apps']],
    ['*.apps', ['deployments.apps', 'statefulsets.apps'], ['pods', 'a.b.apps']],
    ['**', ['pods', 'roles.rbac.authorization.k8s.io'], []],
    ['*.*.k8s.io', ['ingresses.networking.k8s.io'], ['roles.rbac.authorization.k8s.io', 'pods']],
    ['**.k8s.io', ['roles.rbac.authorization.k8s.io'], ['pods']],
    ['pod?', ['pods'], ['pod.']],
    ['{pods,services}', ['pods', 'services'], ['secrets']],
    ['pods', ['pods'], ['podsx', 'pods.metrics.k8s.io']],
  ] as const) {
    const fits = compilePartsGlob(pattern, '.')
    for (const name of fitting) assert.ok(fits(name), `${pattern} fits ${name}`)
    for (const name of others) assert.ok(!fits(name), `${pattern} does not fit ${name}`)
  }
})
