/** One fenced block of a Markdown text. */
export interface FencedBlock {
  /** What stands behind the fence: the language first. */
  readonly info: readonly string[]
  readonly text: string
  /** Of the block's first line of text, counted from 1. */
  readonly line: number
}

/** The fenced blocks of a Markdown text. */
export function fencedBlocks(markdown: string): FencedBlock[] {
  const blocks: FencedBlock[] = []
  let open: { info: string[]; line: number; lines: string[] } | undefined
  for (const [index, line] of markdown.split('\n').entries()) {
    const fence = /^```(.*)$/.exec(line)
    if (fence === null) open?.lines.push(line)
    else if (open === undefined) open = { info: (fence[1] ?? '').trim().split(/\s+/), line: index + 2, lines: [] }
    else {
      blocks.push({ info: open.info, line: open.line, text: open.lines.join('\n') })
      open = undefined
    }
  }
  return blocks
}

/** What stands between single backquotes outside of fenced blocks. */
export function inlineCode(markdown: string): string[] {
  const prose = markdown.replaceAll(/^```.*?^```/gms, '')
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)
}

/** A program and its arguments, without the variables set before it and without redirections. */
export type SimpleCommand = readonly string[]

// A word is made of text in quotes, of escaped characters, of substitutions (one level deep) and of anything else but blanks and operators.
const WORD = /(?:'[^']*'|"(?:\\.|[^"\\])*"|\$\([^()]*\)|\\.|[^\s;&|<>()'"\\])+/y
const OPERATOR = /\|\||&&|[;&|()\n]/y
const REDIRECTION = /\d*(?:<<-?|>>|>&|<|>)\s*/y

/** The commands of a piece of shell, also those of pipes and substitutions: as much of the grammar as documents use. Throws on anything else. */
export function shellCommands(script: string): SimpleCommand[] {
  const text = withoutHereDocuments(script.replaceAll('\\\n', ' '))
  const commands: string[][] = [[]]
  const nested: SimpleCommand[] = []
  for (let at = 0; at < text.length;) {
    const take = (pattern: RegExp): string | undefined => {
      pattern.lastIndex = at
      const found = pattern.exec(text)?.[0]
      at += found?.length ?? 0
      return found
    }
    if (take(/[ \t]+|#[^\n]*/y) !== undefined) continue
    if (take(REDIRECTION) !== undefined) {
      take(WORD)
      continue
    }
    if (take(OPERATOR) !== undefined) {
      commands.push([])
      continue
    }
    const word = take(WORD)
    if (word === undefined) throw new Error(`cannot be read as shell: ${text.slice(at, at + 40)}`)
    for (const [, inner = ''] of word.matchAll(/\$\(([^()]*)\)/g)) nested.push(...shellCommands(inner))
    commands.at(-1)?.push(unquoted(word))
  }
  return [...commands.map(withoutAssignments), ...nested].filter((words) => words.length > 0)
}

function withoutHereDocuments(script: string): string {
  return script.replaceAll(/(<<-?\s*['"]?(\w+)['"]?[^\n]*)\n.*?^\2$/gms, '$1')
}

function withoutAssignments(words: readonly string[]): SimpleCommand {
  const start = words.findIndex((word) => !/^\w+=/.test(word))
  return start === -1 ? [] : words.slice(start)
}

function unquoted(word: string): string {
  return word.replaceAll(
    /'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/g,
    (_, single?: string, double?: string, one?: string) =>
      single ?? (double === undefined ? (one ?? '') : double.replaceAll(/\\(["\\$`])/g, '$1')),
  )
}
