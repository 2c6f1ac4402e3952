import type { KnownFlags } from '#install/server-words.ts'
import { UserError } from '../exit.ts'
import { klogFlags } from '../klog-flags.ts'
import { server } from './server.ts'
import { veleroServerFlags } from './velero-server-flags.ts'

/** The flags of `lifeboat server`, those of Velero's server that do nothing in it among them. */
export const knownServerFlags: KnownFlags = sorted()

function sorted(): KnownFlags {
  const [effective, idle] = [new Set<string>(), new Set<string>()]
  for (const [name, { short }] of Object.entries(server.flags)) {
    const names = Object.hasOwn(veleroServerFlags, name) || Object.hasOwn(klogFlags, name) ? idle : effective
    names.add(name)
    if (short !== undefined) names.add(short)
  }
  return { effective, idle }
}

/** Why `lifeboat server` would refuse a word such as `--log-level=loud`; undefined when it would not. */
export function refusedServerWord(word: string): string | undefined {
  const [, name = '', value] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? []
  const flag = server.flags[name]
  const given = value ?? flag?.bare
  if (flag === undefined || given === undefined) return undefined
  try {
    flag.parse(given, undefined)
    return undefined
  } catch (error) {
    if (error instanceof UserError) return `its server is started with ${word}, and --${name} ${error.message}`
    throw error
  }
}
