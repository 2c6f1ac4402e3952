import {
  codeOf,
  equals,
  negatedIf,
  perlClasses,
  posixClasses,
  propertyClass,
  type CharacterTest,
} from './character-sets.ts'
import { SelectionError } from './error.ts'

/** Where a regular expression may ask to be, without taking a character. */
export type Anchor = 'text-start' | 'text-end' | 'line-start' | 'line-end' | 'word-edge' | 'no-word-edge'

/** A regular expression taken apart. */
export type RegexNode =
  | { readonly kind: 'character'; readonly fits: CharacterTest }
  | { readonly kind: 'anchor'; readonly anchor: Anchor }
  | { readonly kind: 'sequence'; readonly parts: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly options: readonly RegexNode[] }
  | { readonly kind: 'repeat'; readonly node: RegexNode; readonly least: number; readonly most: number | undefined }

interface Flags {
  readonly ignoreCase: boolean
  readonly multiLine: boolean
  readonly dotAll: boolean
}

/** Longest counted repetition that RE2 takes. */
const MOST_REPEATS = 1000
/** Groups inside each other. */
const DEEPEST = 200

/** Reads RE2's syntax (https://github.com/google/re2/wiki/Syntax), which is Go's. Throws SelectionError 'bad-regex'. */
export function parseRegex(pattern: string): RegexNode {
  const parser = new Parser(pattern)
  return parser.whole()
}

class Parser {
  readonly #pattern: string
  readonly #text: readonly string[]
  #at = 0
  #depth = 0
  #flags: Flags = { ignoreCase: false, multiLine: false, dotAll: false }

  constructor(pattern: string) {
    this.#pattern = pattern
    this.#text = Array.from(pattern)
  }

  whole(): RegexNode {
    const node = this.#choice()
    if (this.#at < this.#text.length) throw this.#bad('it has a ) without its (')
    return node
  }

  #choice(): RegexNode {
    const options = [this.#sequence()]
    while (this.#take('|')) options.push(this.#sequence())
    return options.length === 1 ? options[0]! : { kind: 'choice', options }
  }

  #sequence(): RegexNode {
    const parts: RegexNode[] = []
    while (this.#at < this.#text.length && this.#next !== '|' && this.#next !== ')') {
      if (this.#take('\\Q')) parts.push(...this.#literally())
      else if (this.#take('\\E')) continue
      else parts.push(this.#repeated(this.#atom()))
    }
    return { kind: 'sequence', parts }
  }

  #literally(): RegexNode[] {
    const parts: RegexNode[] = []
    while (this.#at < this.#text.length && !this.#take('\\E')) parts.push(this.#character(this.#one()))
    // A quantifier behind \E belongs to the last character.
    const last = parts.pop()
    return last === undefined ? [] : [...parts, this.#repeated(last)]
  }

  #repeated(node: RegexNode): RegexNode {
    const range = this.#quantifier()
    if (range === undefined) return node
    // Lazy or greedy: that there is a match is the same.
    this.#take('?')
    const before = this.#at
    if (this.#quantifier() !== undefined) {
      throw this.#bad(`a repetition cannot be repeated (${this.#text.slice(before - 1, this.#at).join('')})`)
    }
    return { kind: 'repeat', node, ...range }
  }

  #quantifier(): { least: number; most: number | undefined } | undefined {
    if (this.#take('*')) return { least: 0, most: undefined }
    if (this.#take('+')) return { least: 1, most: undefined }
    if (this.#take('?')) return { least: 0, most: 1 }
    const counted = /^\{(\d+)(,(\d*))?\}/.exec(this.#rest)
    // Braces that count nothing stand for themselves.
    if (counted === null) return undefined
    this.#at += counted[0].length
    const least = Number(counted[1])
    const most = counted[2] === undefined ? least : counted[3] === '' ? undefined : Number(counted[3])
    if (Math.max(least, most ?? 0) > MOST_REPEATS || (most ?? least) < least) {
      throw this.#bad(`${counted[0]} is no repetition count (at most ${MOST_REPEATS}, the smaller number first)`)
    }
    return { least, most }
  }

  #atom(): RegexNode {
    if (this.#take('(')) return this.#group()
    if (this.#take('[')) return { kind: 'character', fits: this.#class() }
    if (this.#take('\\')) return this.#escape()
    const character = this.#one()
    const { multiLine, dotAll } = this.#flags
    switch (character) {
      case '.':
        return { kind: 'character', fits: (code) => dotAll || code !== 0x0a }
      case '^':
        return { kind: 'anchor', anchor: multiLine ? 'line-start' : 'text-start' }
      case '$':
        return { kind: 'anchor', anchor: multiLine ? 'line-end' : 'text-end' }
      case '*':
      case '+':
      case '?':
        throw this.#bad(`there is nothing for ${character} to repeat`)
      default:
        return this.#character(character)
    }
  }

  #group(): RegexNode {
    const before = this.#flags
    if (this.#take('?')) {
      const name = /^P?<(\w+)>/.exec(this.#rest)
      const flags = /^([imsU]*)(?:-([imsU]+))?([:)])/.exec(this.#rest)
      if (name !== null) this.#at += name[0].length
      else if (flags === null) throw this.#bad(`(?${this.#rest.slice(0, 2)} is not part of the syntax RE2`)
      else {
        this.#at += flags[0].length
        this.#flags = changed(changed(before, flags[1] ?? '', true), flags[2] ?? '', false)
        // Up to the end of the group that it stands in, which puts back its own.
        if (flags[3] === ')') return { kind: 'sequence', parts: [] }
      }
    }
    this.#depth += 1
    if (this.#depth > DEEPEST) throw this.#bad(`its groups are nested more than ${DEEPEST} deep`)
    const node = this.#choice()
    if (!this.#take(')')) throw this.#bad('it has a ( without its )')
    this.#depth -= 1
    this.#flags = before
    return node
  }

  #escape(): RegexNode {
    const anchors: Readonly<Record<string, Anchor>> = {
      A: 'text-start',
      z: 'text-end',
      b: 'word-edge',
      B: 'no-word-edge',
    }
    const anchor = anchors[this.#next ?? '']
    if (anchor !== undefined) {
      this.#at += 1
      return { kind: 'anchor', anchor }
    }
    return { kind: 'character', fits: this.#escapedSet() ?? this.#folded(equals(this.#escapedCode())) }
  }

  /** `\d`, `\pL` and the like; undefined when the escape means one character. */
  #escapedSet(): CharacterTest | undefined {
    const perl = perlClasses[this.#next?.toLowerCase() ?? '']
    if (perl !== undefined && this.#next !== undefined) return negatedIf(this.#one() < 'a', perl)
    const property = /^([pP])(?:\{(\^?)([^}]+)\}|(.))/u.exec(this.#rest)
    if (property === null) return undefined
    const [all, letter, not, long, short] = property
    this.#at += Array.from(all).length
    const fits = propertyClass(long ?? short ?? '')
    if (fits === undefined) throw this.#bad(`there is no character property ${long ?? short}`)
    return negatedIf((letter === 'P') !== (not === '^'), this.#folded(fits))
  }

  #escapedCode(): number {
    const numeric = /^(?:x\{([0-9a-fA-F]{1,6})\}|x([0-9a-fA-F]{2})|(0[0-7]{0,2}|[1-7][0-7]{1,2}))/.exec(this.#rest)
    if (numeric !== null) {
      this.#at += numeric[0].length
      const code =
        numeric[3] === undefined ? Number.parseInt(numeric[1] ?? numeric[2] ?? '', 16) : Number.parseInt(numeric[3], 8)
      if (code <= 0x10ffff) return code
      throw this.#bad(`\\${numeric[0]} is no character`)
    }
    if (this.#at >= this.#text.length) throw this.#bad('it ends with a \\')
    const character = this.#one()
    const control = controls[character]
    if (control !== undefined) return control
    if (/[\dA-Za-z]/.test(character)) throw this.#bad(`\\${character} is not part of the syntax RE2`)
    return codeOf(character)
  }

  #class(): CharacterTest {
    const not = this.#take('^')
    const tests: CharacterTest[] = []
    for (let first = true; first || this.#next !== ']'; first = false) {
      if (this.#at >= this.#text.length) throw this.#bad('it has a [ without its ]')
      tests.push(this.#named() ?? this.#range())
    }
    this.#at += 1
    return negatedIf(not, (code) => tests.some((fits) => fits(code)))
  }

  /** `[:alpha:]` or `\d` inside brackets. */
  #named(): CharacterTest | undefined {
    const posix = /^\[:(\^?)(\w+):\]/.exec(this.#rest)
    const fits = posix === null ? undefined : posixClasses[posix[2] ?? '']
    if (posix !== null) {
      if (fits === undefined) throw this.#bad(`there is no character class ${posix[0]}`)
      this.#at += posix[0].length
      return negatedIf(posix[1] === '^', this.#folded(fits))
    }
    const before = this.#at
    const set = this.#take('\\') ? this.#escapedSet() : undefined
    if (set === undefined) this.#at = before
    return set
  }

  #range(): CharacterTest {
    const from = this.#member()
    const isRange = this.#next === '-' && this.#text[this.#at + 1] !== ']' && this.#at + 1 < this.#text.length
    if (!isRange) return this.#folded(equals(from))
    this.#at += 1
    const to = this.#member()
    if (to < from) throw this.#bad(`the range ${String.fromCodePoint(from)}-${String.fromCodePoint(to)} runs backwards`)
    return this.#folded((code) => code >= from && code <= to)
  }

  #member(): number {
    return this.#take('\\') ? this.#escapedCode() : codeOf(this.#one())
  }

  #character(character: string): RegexNode {
    return { kind: 'character', fits: this.#folded(equals(codeOf(character))) }
  }

  #folded(fits: CharacterTest): CharacterTest {
    if (!this.#flags.ignoreCase) return fits
    return (code) => {
      const character = String.fromCodePoint(code)
      return [character, character.toLowerCase(), character.toUpperCase()].some((one) => fits(codeOf(one)))
    }
  }

  get #next(): string | undefined {
    return this.#text[this.#at]
  }

  /** What follows, as far as any one word of the syntax may reach. */
  get #rest(): string {
    return this.#text.slice(this.#at, this.#at + 100).join('')
  }

  #one(): string {
    const character = this.#text[this.#at] ?? ''
    this.#at += 1
    return character
  }

  #take(word: string): boolean {
    const found = Array.from(word).every((character, index) => this.#text[this.#at + index] === character)
    if (found) this.#at += word.length
    return found
  }

  #bad(what: string): SelectionError {
    return new SelectionError('bad-regex', `"${this.#pattern}" is no regular expression: ${what}`)
  }
}

function changed(flags: Flags, letters: string, on: boolean): Flags {
  return {
    ignoreCase: letters.includes('i') ? on : flags.ignoreCase,
    multiLine: letters.includes('m') ? on : flags.multiLine,
    dotAll: letters.includes('s') ? on : flags.dotAll,
  }
}

const controls: Readonly<Record<string, number>> = { a: 7, f: 12, t: 9, n: 10, r: 13, v: 11 }
