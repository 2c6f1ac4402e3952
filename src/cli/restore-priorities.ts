import { parsePriorities, type Priorities } from '#items/order.ts'
import { USAGE, UserError } from './exit.ts'
import type { Flag } from './flag.ts'

const priorities: Flag<Priorities> = {
  description: 'types that are restored one after the other, first or (behind a -) last; the others come in between',
  metavar: 'TYPE,…,-,TYPE,…',
  parse(value) {
    const parsed = parsePriorities(value.split(','))
    if ('priorities' in parsed) return parsed.priorities
    throw new UserError(parsed.problem, { exitCode: USAGE })
  },
}

/** Velero's server flag about the order of restores: of the server, and of commands that do its work. */
export const restorePriorityFlags = { 'restore-resource-priorities': priorities }
