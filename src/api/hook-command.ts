/** The program and arguments that a hook's annotation names: a JSON list of strings, or else the whole text as the program's name (spec/backup §5). */
export function hookCommand(text: string): string[] {
  if (!text.startsWith('[')) return [text]
  try {
    const parsed: unknown = JSON.parse(text)
    if (Array.isArray(parsed) && parsed.every((part) => typeof part === 'string')) return parsed
  } catch {
    // Not a list after all: `[ -f x ]` is a command too.
  }
  return [text]
}
