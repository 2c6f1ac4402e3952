import { command, type Command } from '../command.ts'
import { print } from '../context.ts'
import { passedOverFlags } from '../klog-flags.ts'
import { OK, USAGE, UserError } from '../exit.ts'

/** The command that prints completions for `commands`. */
export const completion = (commands: readonly Command[]): Command =>
  command({
    path: ['completion'],
    summary: 'Print a completion script for bash, zsh or fish',
    args: '<shell>',
    flags: passedOverFlags,
    examples: [
      'source <(lifeboat completion bash)',
      'lifeboat completion fish > ~/.config/fish/completions/lifeboat.fish',
    ],
    async run({ args, context }) {
      const [shell = ''] = args
      const writer = scripts[shell]
      if (writer === undefined)
        throw new UserError(`no completion for "${shell}": choose bash, zsh or fish`, { exitCode: USAGE })
      print(context, writer(wordsAfter(commands)))
      return OK
    },
  })

/** What may follow each sequence of command words: sub-commands and flags. */
type Words = ReadonlyMap<string, readonly string[]>

const scripts: Readonly<Record<string, (words: Words) => string>> = { bash, zsh, fish }

function wordsAfter(all: readonly Command[]): Words {
  const words = new Map<string, string[]>()
  const add = (before: string, word: string): void => {
    const known = words.get(before) ?? []
    if (!known.includes(word)) words.set(before, [...known, word])
  }
  for (const { path, also = [], flags } of all.filter(({ hidden }) => hidden !== true)) {
    for (const way of [path, ...also]) {
      for (const [depth, word] of way.entries()) add(way.slice(0, depth).join(' '), word)
      for (const [name, { hidden }] of Object.entries(flags)) if (hidden !== true) add(way.join(' '), `--${name}`)
    }
  }
  return words
}

function bash(words: Words): string {
  const cases = [...words].map(([before, after]) => `    '${before}') words='${after.join(' ')}' ;;`)
  return `# bash completion for lifeboat
_lifeboat() {
  local path='' word words=''
  for word in "\${COMP_WORDS[@]:1:$((COMP_CWORD - 1))}"; do
    case "$word" in -*) break ;; *) path="\${path:+$path }$word" ;; esac
  done
  while :; do
    case "$path" in
${cases.map((line) => `  ${line}`).join('\n')}
    esac
    # A positional argument such as a backup's name follows the command words: look further left.
    if [ -n "$words" ] || [ -z "$path" ]; then break; fi
    case "$path" in *' '*) path="\${path% *}" ;; *) path='' ;; esac
  done
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _lifeboat lifeboat kubectl-lifeboat
`
}

function zsh(words: Words): string {
  return `#compdef lifeboat kubectl-lifeboat
autoload -U +X bashcompinit && bashcompinit
${bash(words)}`
}

function fish(words: Words): string {
  const paths = [...words.keys()].filter((path) => path !== '')
  const lines = [...words].flatMap(([before, after]) =>
    after.map((word) => {
      const completes = word.startsWith('--') ? `-l ${word.slice(2)}` : `-f -a ${word}`
      return `complete -c lifeboat -n "__lifeboat_at '${before}'" ${completes}`
    }),
  )
  return `# fish completion for lifeboat
set -g __lifeboat_paths ${paths.map((path) => `'${path}'`).join(' ')}
function __lifeboat_at
  set -l words (commandline -opc)
  set -e words[1]
  set -l path (string join ' ' -- (string match -v -- '-*' $words))
  # A positional argument such as a backup's name follows the command words: look further left.
  while test -n "$path"; and not contains -- "$path" $__lifeboat_paths
    set path (string replace -r ' ?\\S+$' '' -- "$path")
  end
  test "$path" = "$argv[1]"
end
${lines.join('\n')}
`
}
