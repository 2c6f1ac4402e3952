/** Puts together what has a key in common, directly or through others; groups and their members keep the order of `things`. */
export function grouped<T>(things: readonly T[], keysOf: (thing: T) => readonly string[]): T[][] {
  const parents = new Map<string, string>()
  const root = (key: string): string => {
    const parent = parents.get(key)
    return parent === undefined || parent === key ? key : root(parent)
  }
  const keyed = things.map((thing, index) => {
    // Somebody without any key is a group of its own.
    const [key = `#${index}`, ...others] = keysOf(thing)
    for (const other of others) parents.set(root(other), root(key))
    return { thing, key }
  })
  const groups = Map.groupBy(keyed, ({ key }) => root(key))
  return [...groups.values()].map((members) => members.map(({ thing }) => thing))
}
