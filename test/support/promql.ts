import assert from 'node:assert/strict'

/** What a PromQL expression is made of: the metrics it reads, and whether it is a range. */
interface Part {
  readonly kind: 'scalar' | 'vector' | 'range'
}

/** Functions that our rules and panels use: what they take. */
const functions: Readonly<Record<string, readonly Part['kind'][]>> = {
  absent: ['vector'],
  histogram_quantile: ['scalar', 'vector'],
  increase: ['range'],
  min_over_time: ['range'],
  rate: ['range'],
  sort_desc: ['vector'],
  time: [],
  vector: ['scalar'],
}
const aggregations = new Set(['sum', 'count', 'max', 'min', 'avg'])
const operators = ['or', 'and', 'unless', '==', '!=', '>=', '<=', '>', '<', '+', '-', '*', '/']
const token =
  /\s*(?:("(?:[^"\\]|\\.)*")|(\d+(?:\.\d+)?(?:[smhdwy](?![a-z]))?)|([a-zA-Z_:$][\w:]*)|(==|!=|=~|!~|>=|<=|[-+*/<>=(){}[\],:]))/y

/** Reads an expression, as far as the grammar of PromQL is used here, and gives the names of its metrics. Throws where promtool would, too. */
export function metricsOf(expression: string): Set<string> {
  const tokens = tokensOf(expression)
  const metrics = new Set<string>()
  const reader = readerOf(tokens, metrics)
  reader.expression()
  assert.equal(tokens.length, 0, `left over: ${tokens.join(' ')}`)
  return metrics
}

function tokensOf(expression: string): string[] {
  const tokens: string[] = []
  token.lastIndex = 0
  const text = expression.trimEnd()
  while (token.lastIndex < text.length) {
    const at = token.lastIndex
    const found = token.exec(text)
    assert.ok(found, `no word of PromQL: ${text.slice(at)}`)
    tokens.push(found[0].trim())
  }
  return tokens
}

function readerOf(tokens: string[], metrics: Set<string>) {
  const next = (): string => tokens.shift() ?? assert.fail('the expression ends too early')
  const expect = (word: string): void => assert.equal(next(), word)
  const takes = (word: string): boolean => tokens[0] === word && tokens.shift() !== undefined

  const names = (): void => {
    expect('(')
    while (!takes(')')) {
      assert.match(next(), /^[a-zA-Z_]\w*$/)
      if (tokens[0] !== ')') expect(',')
    }
  }
  const matchers = (): void => {
    if (!takes('{')) return
    while (!takes('}')) {
      assert.match(next(), /^[a-zA-Z_]\w*$/)
      assert.ok(['=', '!=', '=~', '!~'].includes(next()))
      assert.match(next(), /^"/)
      if (tokens[0] !== '}') expect(',')
    }
  }
  const selector = (name: string): Part => {
    metrics.add(name)
    matchers()
    if (!takes('[')) return { kind: 'vector' }
    assert.match(next(), /^(\d+[smhdwy]|\$__rate_interval)$/)
    expect(']')
    return { kind: 'range' }
  }
  const call = (name: string): Part => {
    const wanted = functions[name] ?? assert.fail(`unknown function ${name}`)
    expect('(')
    for (const [i, kind] of wanted.entries()) {
      if (i > 0) expect(',')
      assert.equal(expression().kind, kind, `argument of ${name}`)
    }
    expect(')')
    return { kind: name === 'time' ? 'scalar' : 'vector' }
  }
  const aggregation = (): Part => {
    if (tokens[0] === 'by' || tokens[0] === 'without') {
      tokens.shift()
      names()
    }
    expect('(')
    assert.equal(expression().kind, 'vector', 'what is aggregated')
    expect(')')
    return { kind: 'vector' }
  }
  const primary = (): Part => {
    const word = next()
    if (word === '(') {
      const inner = expression()
      expect(')')
      return inner
    }
    if (/^\d+(\.\d+)?$/.test(word)) return { kind: 'scalar' }
    assert.match(word, /^[a-zA-Z_:]/, `unexpected ${word}`)
    if (aggregations.has(word)) return aggregation()
    return tokens[0] === '(' ? call(word) : selector(word)
  }
  const expression = (): Part => {
    let left = primary()
    while (operators.includes(tokens[0] ?? '')) {
      const operator = next()
      if (takes('on') || takes('ignoring')) names()
      if (takes('group_left') || takes('group_right')) names()
      const right = primary()
      assert.ok(left.kind !== 'range' && right.kind !== 'range', `${operator} takes no range`)
      if (['and', 'or', 'unless'].includes(operator)) assert.deepEqual([left.kind, right.kind], ['vector', 'vector'])
      left = { kind: left.kind === 'vector' || right.kind === 'vector' ? 'vector' : 'scalar' }
    }
    return left
  }
  return { expression }
}
