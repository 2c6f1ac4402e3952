/** One character of a text, by code point: whether it fits. */
export type CharacterTest = (code: number) => boolean

/** The code point of a text's first character. */
export function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0
}

/** Exactly this character. */
export function equals(wanted: number): CharacterTest {
  return (code) => code === wanted
}

/** All other characters, if `not`. */
export function negatedIf(not: boolean, fits: CharacterTest): CharacterTest {
  return not ? (code) => !fits(code) : fits
}

/** Characters of a Unicode category (`L`, `Lu`) or script (`Greek`); undefined when there is none of this name. */
export function propertyClass(name: string): CharacterTest | undefined {
  for (const property of [name, `Script=${name}`]) {
    try {
      const expression = new RegExp(`^\\p{${property}}$`, 'u')
      return (code) => expression.test(String.fromCodePoint(code))
    } catch {
      // Not a category: perhaps a script.
    }
  }
  return undefined
}

function within(code: number, [from = '', to = '']: string): boolean {
  return code >= codeOf(from) && code <= codeOf(to)
}

/** A letter, digit or underscore of ASCII. */
export const isWordCharacter: CharacterTest = (code) => isAlnum(code) || code === codeOf('_')

const isDigit: CharacterTest = (code) => within(code, '09')
const isUpper: CharacterTest = (code) => within(code, 'AZ')
const isLower: CharacterTest = (code) => within(code, 'az')
const isAlpha: CharacterTest = (code) => isUpper(code) || isLower(code)
const isAlnum: CharacterTest = (code) => isAlpha(code) || isDigit(code)
const isSpace: CharacterTest = (code) => code === 0x20 || within(code, '\t\n') || within(code, '\f\r')

/** `\d`, `\s` and `\w`, which RE2 takes for ASCII only. */
export const perlClasses: Readonly<Record<string, CharacterTest>> = { d: isDigit, s: isSpace, w: isWordCharacter }

/** `[:alpha:]` and its like. */
export const posixClasses: Readonly<Record<string, CharacterTest>> = {
  alnum: isAlnum,
  alpha: isAlpha,
  ascii: (code) => code <= 0x7f,
  blank: (code) => code === 0x20 || code === 9,
  cntrl: (code) => code < 0x20 || code === 0x7f,
  digit: isDigit,
  graph: (code) => within(code, '!~'),
  lower: isLower,
  print: (code) => within(code, ' ~'),
  punct: (code) => within(code, '!~') && !isAlnum(code),
  space: (code) => isSpace(code) || code === 11,
  upper: isUpper,
  word: isWordCharacter,
  xdigit: (code) => isDigit(code) || within(code, 'AF') || within(code, 'af'),
}
