/** What our server does with flags: by the names that stand behind the dashes, short ones included. */
export interface KnownFlags {
  readonly effective: ReadonlySet<string>
  /** Taken, and without effect. */
  readonly idle: ReadonlySet<string>
}

/** What is left of the words that start Velero's server. */
export interface ServerWords {
  /** For our server, behind `server`: each flag with its value as one word. */
  readonly args: readonly string[]
  /** Those among `args` that change nothing. */
  readonly idle: readonly string[]
  /** Left out, since our server does not know them. */
  readonly leftOut: readonly string[]
}

/** Flags that keep a server from work: nobody may get a server that does more than the one before. */
const limiting: Readonly<Record<string, string>> = {
  'restore-only': 'make its locations read-only instead: lifeboat backup-location set NAME --access-mode ReadOnly',
  'disable-controllers': 'Lifeboat has no parts that can be switched off',
}

/**
 * Reads the words that start a container of Velero's server: its `command`, where it has one, and its `args`. Gives a reason where a server
 * of ours would not do what that one did.
 */
export function serverWords(
  container: { readonly command?: readonly string[]; readonly args?: readonly string[] },
  known: KnownFlags,
): ServerWords | { readonly refused: string } {
  const { command = [], args = [] } = container
  // Without a command it is the image's own entry point, the program itself.
  const words = command.length === 0 ? ['velero', ...args] : [...command, ...args]
  const [program = '', verb, ...rest] = words
  if (!/(^|\/)velero$/.test(program) || verb !== 'server')
    return { refused: `its container is not started by "velero server", but by: ${words.join(' ')}` }
  const flags = flagsOf(rest)
  for (const { name, words } of flags) {
    const reason = limiting[name]
    if (reason !== undefined && !words.join('=').endsWith('=false'))
      return { refused: `its server is started with ${words.join(' ')}: ${reason}` }
  }
  const isKnown = ({ name }: GivenFlag): boolean => known.effective.has(name) || known.idle.has(name)
  const textOf = ({ words }: GivenFlag): string => words.join('=')
  return {
    args: flags.filter(isKnown).map(textOf),
    idle: flags.filter(({ name }) => known.idle.has(name)).map(textOf),
    leftOut: flags.filter((flag) => !isKnown(flag)).map(textOf),
  }
}

interface GivenFlag {
  readonly name: string
  /** One word, or two when the value is a word of its own. */
  readonly words: readonly string[]
}

/** A server takes nothing but flags: a word that is none is the value of the one before. */
function flagsOf(words: readonly string[]): GivenFlag[] {
  const flags: { name: string; words: string[] }[] = []
  for (const word of words) {
    const name = /^--?([^=]+)/.exec(word)?.[1]
    if (name !== undefined) flags.push({ name, words: [word] })
    else flags.at(-1)?.words.push(word)
  }
  return flags
}

/** Whether an image is Velero's plug-in for AWS, which is built into ours. */
export function isAwsPlugin(image: string): boolean {
  return /(^|\/)velero-plugin-for-aws(:|@|$)/.test(image)
}
