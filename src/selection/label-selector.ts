import type { LabelSelector } from '#api/fields.ts'
import { SelectionError } from './error.ts'

export type { LabelSelector }

/** Labels of an object; absent is the same as none. */
export type Labels = Readonly<Record<string, string>> | undefined

/** One entry of `matchExpressions`. */
export type LabelRequirement = NonNullable<LabelSelector['matchExpressions']>[number]

/** Reads kubectl's selector syntax as far as a LabelSelector can say it: `a=b`, `a==b`, `a in (b,c)`, `a notin (b,c)`, `a`, `!a`, joined by commas. SelectionError 'bad-selector' otherwise. */
export function parseSelector(text: string): LabelSelector {
  const matchLabels = new Map<string, string>()
  const matchExpressions: LabelRequirement[] = []
  for (const part of text.trim() === '' ? [] : requirements(text)) {
    const requirement = parseRequirement(part, text)
    const [value] = requirement.values ?? []
    // A map holds one value per key: `a=b,a=c` (which selects nothing) needs a second way to say it.
    const simple = isEquality(part) && value !== undefined && (matchLabels.get(requirement.key) ?? value) === value
    if (simple) matchLabels.set(requirement.key, value)
    else matchExpressions.push(requirement)
  }
  const selector: LabelSelector = {}
  if (matchLabels.size > 0) selector.matchLabels = Object.fromEntries(matchLabels)
  if (matchExpressions.length > 0) selector.matchExpressions = matchExpressions
  const [problem] = selectorProblems(selector)
  if (problem !== undefined) throw badSelector(text, problem)
  return selector
}

/** Whether an object with `labels` is selected; an empty selector selects everything, one with an unknown operator nothing. */
export function matchesSelector(selector: LabelSelector, labels: Labels): boolean {
  const own = new Map(Object.entries(labels ?? {}))
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    if (own.get(key) !== value) return false
  }
  return (selector.matchExpressions ?? []).every((requirement) => meets(own, requirement))
}

/** The selector in the syntax of the API server's `labelSelector` query, which is also kubectl's, by key; empty for an empty selector. Only for selectors without `selectorProblems`. */
export function formatSelector(selector: LabelSelector): string {
  const equalities = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => ({
    key,
    text: `${key}=${value}`,
  }))
  const others = (selector.matchExpressions ?? []).map((one) => ({ key: one.key, text: formatRequirement(one) }))
  const byKey = [...equalities, ...others].toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
  return byKey.map(({ text }) => text).join(',')
}

/** What the API server would refuse in `selector`, one sentence each. */
export function selectorProblems(selector: LabelSelector): string[] {
  const problems: string[] = []
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    problems.push(...keyProblems(key), ...valueProblems(value))
  }
  for (const { key, operator, values = [] } of selector.matchExpressions ?? []) {
    problems.push(...keyProblems(key), ...values.flatMap(valueProblems))
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0) problems.push(`the label ${key} has the operator ${operator} and no values`)
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0) problems.push(`the label ${key} has the operator ${operator}, which takes no values`)
    } else {
      problems.push(`"${operator}" is not a valid label selector operator`)
    }
  }
  return problems
}

// Commas inside the parentheses of `in (…)` do not part requirements.
function requirements(text: string): string[] {
  return text.split(/,(?![^(]*\))/).map((part) => part.trim())
}

const key = String.raw`([^\s!=<>(),]+)`
const syntax = {
  exists: new RegExp(`^${key}$`),
  absent: new RegExp(String.raw`^!\s*${key}$`),
  equality: new RegExp(String.raw`^${key}\s*==?\s*([^\s!=<>(),]*)$`),
  set: new RegExp(String.raw`^${key}\s+(in|notin)\s*\(([^()]*)\)$`),
  inexpressible: new RegExp(String.raw`^${key}\s*(!=|<|>)\s*([^\s!=<>(),]*)$`),
}

function isEquality(part: string): boolean {
  return syntax.equality.test(part)
}

function parseRequirement(part: string, whole: string): LabelRequirement {
  const [, absent] = syntax.absent.exec(part) ?? []
  if (absent !== undefined) return { key: absent, operator: 'DoesNotExist' }
  const [, exists] = syntax.exists.exec(part) ?? []
  if (exists !== undefined) return { key: exists, operator: 'Exists' }
  const [, equal, value] = syntax.equality.exec(part) ?? []
  if (equal !== undefined && value !== undefined) return { key: equal, operator: 'In', values: [value] }
  const [, member, word, list] = syntax.set.exec(part) ?? []
  if (member !== undefined && list !== undefined) {
    const values = list.split(',').map((entry) => entry.trim())
    return { key: member, operator: word === 'in' ? 'In' : 'NotIn', values }
  }
  const [, name, operator, unwanted] = syntax.inexpressible.exec(part) ?? []
  if (operator === '!=') {
    throw badSelector(whole, `"!=" is not a valid label selector operator; write "${name} notin (${unwanted})"`)
  }
  if (operator !== undefined) throw badSelector(whole, `"${operator}" is not a valid label selector operator`)
  throw badSelector(whole, `cannot understand "${part}"; write key=value, key in (a,b), key notin (a,b), key or !key`)
}

function badSelector(text: string, problem: string): SelectionError {
  return new SelectionError('bad-selector', `label selector "${text}": ${problem}`)
}

function meets(labels: ReadonlyMap<string, string>, { key, operator, values = [] }: LabelRequirement): boolean {
  const value = labels.get(key)
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value)
    case 'NotIn':
      return value === undefined || !values.includes(value)
    case 'Exists':
      return value !== undefined
    case 'DoesNotExist':
      return value === undefined
    default:
      return false
  }
}

function formatRequirement({ key, operator, values = [] }: LabelRequirement): string {
  switch (operator) {
    case 'In':
      return `${key} in (${values.toSorted().join(',')})`
    case 'NotIn':
      return `${key} notin (${values.toSorted().join(',')})`
    case 'DoesNotExist':
      return `!${key}`
    default:
      return key
  }
}

// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
const word = /^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/

function keyProblems(key: string): string[] {
  const slash = key.indexOf('/')
  const prefix = slash < 0 ? undefined : key.slice(0, slash)
  const name = key.slice(slash + 1)
  const valid =
    name.length <= 63 && word.test(name) && (prefix === undefined || (prefix.length <= 253 && subdomain.test(prefix)))
  return valid ? [] : [`"${key}" is not a valid label key`]
}

function valueProblems(value: string): string[] {
  return value === '' || (value.length <= 63 && word.test(value)) ? [] : [`"${value}" is not a valid label value`]
}
