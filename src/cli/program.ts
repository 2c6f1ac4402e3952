import { Command as Program, CommanderError, Option } from 'commander'
import type { Command, Input } from './command.ts'
import { commands as all } from './commands.ts'
import { note, type CliContext } from './context.ts'
import { explain, OK, USAGE, UserError, type ExitCode } from './exit.ts'
import type { Flag, Flags } from './flag.ts'

/** Parses `argv`, runs the command of `known` that it names and returns the exit code. Never rejects: what goes wrong is explained on standard error. */
export async function runProgram(
  argv: readonly string[],
  context: CliContext,
  known: readonly Command[] = all,
): Promise<ExitCode> {
  try {
    const line = readCommandLine(argv, context, known)
    if (line === undefined) return OK
    const { command, args, flags } = line
    return await command.run({ args, flags, context: colorized(context, flags['colorized']) })
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? OK : USAGE
    const { text, exitCode: code } = explain(error, context.signal.aborted)
    note(context, `error: ${text}`)
    return code
  }
}

/** A command line that was understood: the command it names, and what it says to it. */
export interface CommandLine extends Pick<Input<Flags>, 'args' | 'flags'> {
  readonly command: Command
}

/** Reads `argv` and runs nothing; undefined when it asks for nothing. Throws CommanderError, its text being written already, or UserError. */
export function readCommandLine(
  argv: readonly string[],
  context: CliContext,
  known: readonly Command[] = all,
): CommandLine | undefined {
  let line: CommandLine | undefined
  const program = buildProgram(context, { commands: known, read: (read) => (line = read) })
  program.parse(commandFirst(spellOutBareFlags(argv, known)), { from: 'user' })
  return line
}

function buildProgram(
  context: CliContext,
  { commands, read }: { commands: readonly Command[]; read: (line: CommandLine) => void },
): Program {
  const program = new Program('lifeboat')
  program
    .description('Backup and restore for Kubernetes, wire-compatible with Velero.')
    .version(`lifeboat ${context.version}`, '--version', 'print the version')
    .configureOutput({ writeOut: (text) => context.stdout.write(text), writeErr: (text) => context.stderr.write(text) })
    .showSuggestionAfterError()
    .exitOverride()
  for (const command of commands) {
    addCommand(program, command.path, { command, read, hidden: false })
    for (const path of command.also ?? []) addCommand(program, path, { command, read, hidden: true })
  }
  return program
}

interface Registration {
  readonly command: Command
  readonly read: (line: CommandLine) => void
  readonly hidden: boolean
}

function addCommand(program: Program, path: readonly string[], registration: Registration): void {
  const { command, read } = registration
  const parent = path.slice(0, -1).reduce((at, word) => group(at, word, registration), program)
  const name = path.at(-1) ?? ''
  const leaf = parent.command(command.args === undefined ? name : `${name} ${command.args}`, {
    hidden: command.hidden === true || (registration.hidden && path.length === 1),
  })
  leaf.description(command.summary).exitOverride().showSuggestionAfterError()
  for (const [flagName, flag] of Object.entries(command.flags)) leaf.addOption(optionOf(flagName, flag))
  if (command.examples !== undefined)
    leaf.addHelpText('after', `\nExamples:\n${command.examples.map((line) => `  ${line}`).join('\n')}`)
  leaf.action(() => {
    const values = leaf.opts<Record<string, unknown>>()
    const flags = Object.fromEntries(Object.keys(command.flags).map((flag) => [flag, values[camelCase(flag)]]))
    read({ command, args: leaf.args, flags })
  })
}

/** Velero's `--colorized` and the key of its configuration decide over colours; without them the terminal does. */
function colorized(context: CliContext, flag: unknown): CliContext {
  if (typeof flag === 'boolean') return { ...context, colorized: flag }
  const { colorized: text } = context.clientConfig
  return text === 'true' || text === 'false' ? { ...context, colorized: text === 'true' } : context
}

function group(parent: Program, word: string, { hidden }: Registration): Program {
  const known = parent.commands.find((child) => child.name() === word)
  if (known !== undefined) return known
  const made = parent.command(word, { hidden }).description(groupSummaries[word] ?? `Commands on ${word}`)
  return made.exitOverride().showSuggestionAfterError()
}

const groupSummaries: Readonly<Record<string, string>> = {
  backup: 'Make, list, read and delete backups',
  restore: 'Restore backups; list, read and delete restores',
  schedule: 'Make backups by the clock',
  'backup-location': 'Where backups are kept',
  'snapshot-location': 'Who takes snapshots of volumes',
  repo: 'Repositories of file copies',
  plugin: 'Plug-ins of the server',
  client: 'What the command line keeps for itself',
  sandbox: 'A throw-away Kubernetes on this machine',
}

function optionOf(name: string, flag: Flag<unknown>): Option {
  const short = flag.short === undefined ? '' : `-${flag.short}, `
  const value = flag.bare === undefined ? ` <${flag.metavar ?? 'VALUE'}>` : ' [bool]'
  const option = new Option(`${short}--${name}${value}`, flag.description)
  // A flag of its own, not the opposite of one that there is not.
  option.negate = false
  if (flag.hidden === true) option.hideHelp()
  return option.argParser((text: string, before: unknown) => {
    try {
      return flag.parse(text, before)
    } catch (error) {
      if (error instanceof UserError)
        throw new UserError(`--${name} ${error.message}`, { exitCode: USAGE, cause: error })
      throw error
    }
  })
}

/** Gives switches their value, since `--wait NAME` must not read NAME as the value of `--wait` (pflag's rule, which Velero follows). */
function spellOutBareFlags(argv: readonly string[], known: readonly Command[]): string[] {
  const bare = new Map<string, string>()
  for (const { flags } of known) {
    for (const [name, flag] of Object.entries(flags)) {
      if (flag.bare === undefined) continue
      bare.set(`--${name}`, `--${name}=${flag.bare}`)
      if (flag.short !== undefined) bare.set(`-${flag.short}`, `--${name}=${flag.bare}`)
    }
  }
  const end = argv.indexOf('--')
  return argv.map((word, index) => (end !== -1 && index > end ? word : (bare.get(word) ?? word)))
}

/** Moves flags in front of the command behind it: `--store URL backup get` is how one writes it, and flags belong to commands. */
function commandFirst(argv: readonly string[]): readonly string[] {
  let start = 0
  while (isValueFlag(argv[start])) start += argv[start]?.includes('=') === true ? 1 : 2
  if (start === 0 || start >= argv.length) return argv
  const [flags, rest] = [argv.slice(0, start), argv.slice(start)]
  const end = rest.indexOf('--')
  return end === -1 ? [...rest, ...flags] : [...rest.slice(0, end), ...flags, ...rest.slice(end)]
}

function isValueFlag(word: string | undefined): boolean {
  return word !== undefined && /^(--\w|-n)/.test(word) && !['--help', '--version'].includes(word)
}

function camelCase(name: string): string {
  return name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase())
}
