import { createHash } from 'node:crypto'
import { hostname } from 'node:os'
import { errorCode } from '#store/file-error.ts'

/** What tells this process from those of other machines and, while it lives, from every other of this one: `<host>.<pid>`. */
export function processMark(): string {
  return `${host()}.${process.pid}`
}

/** Whether `mark`, or what begins with it and a dot, is of a process of this machine that has ended. Those of other machines cannot be seen from here. */
export function isOfDeadProcess(mark: string): boolean {
  const [where, pid] = mark.split('.')
  if (where !== host() || !Number.isInteger(Number(pid))) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return errorCode(error) === 'ESRCH'
  }
}

// A hash, because a host's name may hold anything and a store may travel.
function host(): string {
  return createHash('sha256').update(hostname()).digest('hex').slice(0, 12)
}
