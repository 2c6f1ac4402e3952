/** Takes text in pieces; `end` gives the last line, if it has no newline. */
export interface LineSplitter {
  add(text: string): void
  end(): void
}

const LONGEST = 8192

/** Hands on each line; what goes beyond 8192 characters of one is dropped, so that nobody can fill our memory by never ending a line. */
export function boundedLines(onLine: (line: string) => void): LineSplitter {
  let line = ''
  const extend = (part: string): void => {
    line += part.slice(0, LONGEST - line.length)
  }
  const flush = (): void => {
    if (line !== '') onLine(line)
    line = ''
  }
  return {
    add(text) {
      const [first = '', ...more] = text.split(/\r?\n/)
      extend(first)
      for (const part of more) {
        flush()
        extend(part)
      }
    },
    end: flush,
  }
}
