/** Whether `text` is a pattern rather than a name. */
export function isGlob(text: string): boolean {
  return /[*?[{]/.test(text)
}

/**
 * The question whether a name fits `pattern`: `*` any characters, `?` one, `[a-z]` one of, `[!a-z]` one but, `{a,b}` one of
 * these. Everything else, also `.`, stands for itself, as does a bracket that is not closed.
 */
export function compileGlob(pattern: string): (name: string) => boolean {
  return compiled(pattern, '.')
}

/** As `compileGlob`, for names in parts: `*` and `?` end at the `separator`, `**` does not. */
export function compilePartsGlob(pattern: string, separator: string): (name: string) => boolean {
  return compiled(pattern, `[^${escapeMember(separator)}]`)
}

function compiled(pattern: string, any: string): (name: string) => boolean {
  if (!isGlob(pattern)) return (name) => name === pattern
  const expression = new RegExp(`^${expressionOf(pattern, any)}$`, 'su')
  return (name) => expression.test(name)
}

/**
 * Why `pattern` cannot select namespaces in a backup, in Velero's words (spec/backup §1.3, 7); undefined when it can. Unlike Velero this
 * takes alternatives, `{a,b}`, one level deep.
 */
export function namespacePatternProblem(pattern: string): string | undefined {
  const simple = withoutAlternatives(pattern)
  return simple.map((one) => plainPatternProblem(one, pattern)).find((problem) => problem !== undefined)
}

/** The pattern with other choices from its alternatives each time, so that each alternative is met at least once. */
function withoutAlternatives(pattern: string): string[] {
  const groups = /\{([^{},]*(?:,[^{},]*)+)\}/g
  const widest = Math.max(1, ...[...pattern.matchAll(groups)].map(([group]) => group.split(',').length))
  return Array.from({ length: widest }, (_, turn) =>
    pattern.replaceAll(groups, (_group, list: string) => {
      const alternatives = list.split(',')
      return alternatives[turn % alternatives.length] ?? ''
    }),
  )
}

function plainPatternProblem(pattern: string, asWritten: string): string | undefined {
  if (/[|()!{},]/.test(pattern)) return 'wildcard pattern contains unsupported characters: |, (, ), !, {, }, ,'
  if (pattern.includes('**')) return 'wildcard pattern contains consecutive asterisks (only single * allowed)'
  const brackets = bracketProblem(pattern)
  if (brackets !== undefined) return brackets
  const label = pattern.replaceAll(/[*?[\]]/g, 'x')
  if (label === '') return undefined
  if (label.includes('.')) return `invalid namespace "${asWritten}": must not contain dots`
  if (label.length > 63) return `invalid namespace "${asWritten}": must be no more than 63 characters`
  return /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(label) ? undefined : `invalid namespace "${asWritten}": ${labelRule}`
}

function bracketProblem(pattern: string): string | undefined {
  let open: number | undefined
  for (let at = 0; at < pattern.length; at += 1) {
    if (pattern[at] === '[') open ??= at
    if (pattern[at] !== ']') continue
    if (open === undefined) return "wildcard pattern contains unmatched closing bracket ']'"
    if (open === at - 1) return "wildcard pattern contains empty bracket pattern '[]'"
    open = undefined
  }
  return open === undefined ? undefined : "wildcard pattern contains unclosed bracket '['"
}

const labelRule =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an " +
  "alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"

const tokens = /\*+|\?|\[(!?)([^[\]]+)\]|[{},]|[^]/gu

function expressionOf(pattern: string, any: string): string {
  const parts = [...pattern.matchAll(tokens)]
  const braces = closes(parts.map(([token]) => token))
  let open = 0
  let result = ''
  for (const [token, not, set] of parts) {
    if (token.startsWith('*')) result += token === '*' ? `${any}*` : '.*'
    else if (token === '?') result += any
    else if (set !== undefined) result += `[${not === '!' ? '^' : ''}${escapeSet(set)}]`
    else if (token === '{' && braces) {
      open++
      result += '(?:'
    } else if (token === '}' && braces) {
      open--
      result += ')'
    } else if (token === ',' && open > 0) result += '|'
    else result += RegExp.escape(token)
  }
  return result
}

// Alternatives are taken as such only if every brace has its partner; otherwise all braces are plain characters.
function closes(parts: readonly string[]): boolean {
  let depth = 0
  for (const part of parts) {
    if (part === '{') depth++
    if (part === '}') depth--
    if (depth < 0) return false
  }
  return depth === 0
}

// Inside a set only ranges mean something; a range that runs backwards would be no expression at all.
function escapeSet(set: string): string {
  return set.replaceAll(/([^])-([^])|([^])/gu, (_all, from?: string, to?: string, one?: string) => {
    if (from === undefined || to === undefined) return escapeMember(one ?? '')
    if (from > to) return escapeMember(from) + escapeMember('-') + escapeMember(to)
    return `${escapeMember(from)}-${escapeMember(to)}`
  })
}

function escapeMember(character: string): string {
  return /[\\\]^-]/.test(character) ? `\\${character}` : character
}
