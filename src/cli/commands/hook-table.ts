import { renderTable } from '../table.ts'

/** A command that would be run in a pod. */
export interface ShownHook {
  /** `pre`, `post`, `init`, `exec`. */
  readonly when: string
  readonly group?: number | undefined
  readonly pod: { readonly namespace: string; readonly name: string }
  readonly container: string
  readonly command: readonly string[]
  readonly problem: string | undefined
}

const LONGEST = 80

/** Each in its order; empty when there are none. */
export function hookTable(hooks: readonly ShownHook[]): string {
  if (hooks.length === 0) return ''
  const grouped = hooks.some(({ group }) => group !== undefined)
  return renderTable<ShownHook>(
    [
      { heading: 'HOOK', text: ({ when }) => when },
      ...(grouped ? [{ heading: 'GROUP', text: ({ group }: ShownHook) => String(group) }] : []),
      { heading: 'POD', text: ({ pod }) => `${pod.namespace}/${pod.name}` },
      { heading: 'CONTAINER', text: ({ container }) => container },
      {
        heading: 'COMMAND',
        text: ({ command, problem }) => (problem === undefined ? line(command) : `fails: ${problem}`),
      },
    ],
    hooks,
  )
}

/** As one may type it, on one line. */
function line(command: readonly string[]): string {
  const words = command.map((word) => (/^[\w./:=@%+,-]+$/.test(word) ? word : JSON.stringify(word)))
  const text = words.length === 0 ? 'that of its image' : words.join(' ')
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`
}
