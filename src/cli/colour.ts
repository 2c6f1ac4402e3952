import pc from 'picocolors'
import type { CliContext } from './context.ts'

export type Colours = ReturnType<typeof pc.createColors>

/** Colours for standard output: on a terminal only unless asked for, never with NO_COLOR (https://no-color.org). */
export function coloursOf(context: CliContext): Colours {
  const wanted = context.colorized ?? context.terminal.stdout
  return pc.createColors(wanted && (context.env['NO_COLOR'] ?? '') === '')
}

/** A phase in its colour: green when all is well, red when it failed, yellow on the way. */
export function colourPhase(phase: string, colours: Colours): string {
  if (['Completed', 'Available', 'Enabled', 'running'].includes(phase)) return colours.green(phase)
  if (/Failed|Unavailable|dead/.test(phase)) return colours.red(phase)
  return colours.yellow(phase)
}
