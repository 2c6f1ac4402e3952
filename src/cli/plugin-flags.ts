import { parseDuration } from '#api/duration.ts'
import type { PluginLimits, PluginModule } from '#plugins/open.ts'
import type { PluginSettings } from '#server/config.ts'
import type { CliContext } from './context.ts'
import { duration, integer, list, type FlagValues } from './flag.ts'

/** Flags of every command whose process runs plug-ins. */
export const pluginFlags = {
  plugins: list('modules that act on items: files or packages, in this order (default: $LIFEBOAT_PLUGINS)', {
    metavar: 'MODULE,…',
  }),
  'plugin-timeout': duration('how long one call of a plug-in may take (default 1m)'),
  'plugin-memory': integer('heap of each plug-in in MiB (default 256)', 16),
}

/** The plug-ins that flags and environment name. */
export function pluginSettings(context: CliContext, flags: FlagValues<typeof pluginFlags>): PluginSettings {
  const named = flags.plugins ?? (context.env['LIFEBOAT_PLUGINS'] ?? '').split(',')
  const limits: { -readonly [K in keyof PluginLimits]?: number } = {}
  const timeout = flags['plugin-timeout']
  if (timeout !== undefined) limits.callMillis = parseDuration(timeout)
  if (flags['plugin-memory'] !== undefined) limits.heapMegabytes = flags['plugin-memory']
  const specifiers = named.map((name) => name.trim()).filter((name) => name !== '')
  return { specifiers, baseDir: context.cwd, limits }
}

/** Loads them, at no cost when there are none. Rejects with PluginError. */
export async function loadPlugins(
  { specifiers, ...options }: PluginSettings,
  signal: AbortSignal,
): Promise<readonly PluginModule[]> {
  if (specifiers.length === 0) return []
  const { openPlugins } = await import('#plugins/open.ts')
  return await openPlugins(specifiers, { ...options, signal })
}
