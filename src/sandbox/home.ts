import { homedir } from 'node:os'
import { join } from 'node:path'

/** The variables of the environment that this room looks at, and all others for the programs it builds with. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Where sandboxes keep their state: `$XDG_STATE_HOME/lifeboat`, else `~/.local/state/lifeboat`. */
export function stateHome(env: Environment): string {
  return join(xdg(env, 'XDG_STATE_HOME', '.local/state'), 'lifeboat')
}

/** Where built programs are kept: `$XDG_CACHE_HOME/lifeboat`, else `~/.cache/lifeboat`. */
export function cacheHome(env: Environment): string {
  return join(xdg(env, 'XDG_CACHE_HOME', '.cache'), 'lifeboat')
}

function xdg(env: Environment, variable: string, fallback: string): string {
  const value = env[variable]
  // The XDG base directory specification has relative paths ignored.
  if (value !== undefined && value.startsWith('/')) return value
  return join(env['HOME'] || homedir(), fallback)
}
