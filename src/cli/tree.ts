import type { StoredObject } from './stored-contents.ts'
import { alignColumns } from './table.ts'
import { counted, formatBytes } from './units.ts'

const CLUSTER = '(cluster-scoped)'

/** Objects as a tree: namespaces, in them types, in these names with their sizes; cluster-scoped objects first. A line for the sum ends it. */
export function renderTree(objects: readonly StoredObject[]): string {
  const lines: string[][] = []
  const places = Map.groupBy(objects, ({ namespace }) => namespace ?? '')
  for (const [place, inPlace] of sorted(places)) {
    lines.push([place === '' ? CLUSTER : place, summary(inPlace)])
    for (const [resource, ofType] of sorted(Map.groupBy(inPlace, (object) => object.resource))) {
      lines.push([`  ${resource}`, summary(ofType)])
      const byName = ofType.toSorted((a, b) => (a.name < b.name ? -1 : 1))
      lines.push(...byName.map(({ name, size }) => [`    ${name}`, formatBytes(size)]))
    }
  }
  return `${alignColumns(lines, 3)}\n${summary(objects)}\n`
}

function summary(objects: readonly StoredObject[]): string {
  const bytes = objects.reduce((sum, { size }) => sum + size, 0)
  return `${counted(objects.length, 'object')}, ${formatBytes(bytes)}`
}

function sorted<T>(groups: ReadonlyMap<string, T>): [string, T][] {
  return [...groups].toSorted(([a], [b]) => (a < b ? -1 : 1))
}
