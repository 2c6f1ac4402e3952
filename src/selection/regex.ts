import { isWordCharacter, type CharacterTest } from './character-sets.ts'
import { SelectionError } from './error.ts'
import { parseRegex, type Anchor, type RegexNode } from './regex-syntax.ts'

/** One state of the machine: the states that follow it are numbers. */
type State =
  | { readonly kind: 'character'; readonly fits: CharacterTest; next: number }
  | { readonly kind: 'anchor'; readonly anchor: Anchor; next: number }
  | { readonly kind: 'fork'; nexts: number[] }
  | { readonly kind: 'end' }

/** More states than any name could need; `(a{1000}){1000}` would be a million. */
const MOST_STATES = 10_000

/**
 * The question whether a part of a text fits an RE2 expression. The time it takes grows with text and expression only, whatever they
 * are: JavaScript's own expressions can take for ever, and know another syntax. Throws SelectionError 'bad-regex'.
 */
export function compileRegex(pattern: string): (text: string) => boolean {
  const states: State[] = [{ kind: 'end' }]
  const first = build(parseRegex(pattern), 0, { states, pattern })
  return (text) => run(states, first, text)
}

interface Building {
  readonly states: State[]
  readonly pattern: string
}

/** Adds the states of `node`, after which comes `next`; gives the first of them. */
function build(node: RegexNode, next: number, building: Building): number {
  switch (node.kind) {
    case 'character':
    case 'anchor':
      return add({ ...node, next }, building)
    case 'sequence':
      return node.parts.reduceRight((after, part) => build(part, after, building), next)
    case 'choice':
      return add({ kind: 'fork', nexts: node.options.map((option) => build(option, next, building)) }, building)
    case 'repeat':
      return buildRepeat(node, next, building)
  }
}

function buildRepeat(
  { node, least, most }: Extract<RegexNode, { kind: 'repeat' }>,
  next: number,
  building: Building,
): number {
  let after = next
  if (most === undefined) {
    const loop = { kind: 'fork' as const, nexts: [next] }
    after = add(loop, building)
    loop.nexts.push(build(node, after, building))
  }
  for (let count = most ?? least; count > least; count -= 1) {
    after = add({ kind: 'fork', nexts: [next, build(node, after, building)] }, building)
  }
  for (let count = 0; count < least; count += 1) after = build(node, after, building)
  return after
}

function add(state: State, { states, pattern }: Building): number {
  if (states.length >= MOST_STATES) {
    throw new SelectionError('bad-regex', `"${pattern}" is too large an expression; write fewer or smaller repetitions`)
  }
  return states.push(state) - 1
}

/** Follows all ways at once, so that no state is looked at twice for one character. */
function run(states: readonly State[], first: number, text: string): boolean {
  const codes = Array.from(text, (character) => character.codePointAt(0) ?? 0)
  let current = new Set<number>()
  for (let at = 0; ; at += 1) {
    if (enter(first, current, { states, codes, at })) return true
    const code = codes[at]
    if (code === undefined) return false
    const following = new Set<number>()
    for (const number of current) {
      const state = states[number]!
      if (state.kind !== 'character' || !state.fits(code)) continue
      if (enter(state.next, following, { states, codes, at: at + 1 })) return true
    }
    current = following
  }
}

interface Position {
  readonly states: readonly State[]
  readonly codes: readonly number[]
  readonly at: number
}

/** Adds a state and all that can be reached from it without a character; true when the end is among them. */
function enter(first: number, into: Set<number>, position: Position): boolean {
  const waiting = [first]
  for (let number = waiting.pop(); number !== undefined; number = waiting.pop()) {
    if (into.has(number)) continue
    into.add(number)
    const state = position.states[number]!
    if (state.kind === 'end') return true
    if (state.kind === 'fork') waiting.push(...state.nexts)
    if (state.kind === 'anchor' && holds(state.anchor, position)) waiting.push(state.next)
  }
  return false
}

function holds(anchor: Anchor, { codes, at }: Position): boolean {
  const [before, after] = [codes[at - 1], codes[at]]
  switch (anchor) {
    case 'text-start':
      return before === undefined
    case 'text-end':
      return after === undefined
    case 'line-start':
      return before === undefined || before === 0x0a
    case 'line-end':
      return after === undefined || after === 0x0a
    case 'word-edge':
      return isWord(before) !== isWord(after)
    case 'no-word-edge':
      return isWord(before) === isWord(after)
  }
}

function isWord(code: number | undefined): boolean {
  return code !== undefined && isWordCharacter(code)
}
