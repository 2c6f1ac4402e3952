import { compileGlob } from '#selection/globs.ts'
import { storedTypesNamed } from '#selection/stored-types.ts'
import { command } from '../command.ts'
import { doorFlags, downloadFlags, openDoor } from '../connection.ts'
import { print, type CliContext } from '../context.ts'
import type { Door } from '../door.ts'
import { OK, USAGE, UserError } from '../exit.ts'
import { choice, list, text, type FlagValues } from '../flag.ts'
import { printDocument } from '../output.ts'
import { storedArchive, storedObjects, type StoredObject } from '../stored-contents.ts'
import { renderTree } from '../tree.ts'
import { backupNamed, firstFew } from './backup-get.ts'

const flags = {
  ...doorFlags,
  ...downloadFlags,
  'include-namespaces': list('only these namespaces; patterns such as shop-* are understood', { metavar: 'NS,…' }),
  'include-resources': list('only these types, such as deploy or deployments.apps', { metavar: 'TYPE,…' }),
  name: text('only objects whose name fits this pattern', { metavar: 'PATTERN' }),
  show: text('print one object as it is in the backup: KIND/NAMESPACE/NAME, or KIND/NAME without a namespace', {
    metavar: 'OBJECT',
  }),
  output: choice('how to print', ['tree', 'json', 'yaml'], { short: 'o' }),
}

export const backupContents = command({
  path: ['backup', 'contents'],
  summary: 'Show what is inside a backup, or one object of it',
  args: '<name>',
  flags,
  examples: [
    'lifeboat backup contents nightly',
    'lifeboat backup contents nightly --include-resources secrets --include-namespaces shop',
    'lifeboat backup contents nightly --show deploy/shop/web | kubectl diff -f -',
  ],
  async run({ args, flags: given, context }) {
    const [name = ''] = args
    await using door = await openDoor(context, given)
    await backupNamed(door, name)
    if (given.show !== undefined) await show(door, given.show, { name, given, context })
    else await printContents(door, { name, given, context })
    return OK
  },
})

interface Asked {
  readonly name: string
  readonly given: FlagValues<typeof flags>
  readonly context: CliContext
}

async function printContents(door: Door, { name, given, context }: Asked): Promise<void> {
  const objects = await storedObjects(door, name, context.signal)
  const found = objects.filter(filterOf(given, objects))
  if (given.output === 'json' || given.output === 'yaml') {
    printDocument(context, { backup: name, objects: found }, given.output)
    return
  }
  if (found.length > 0) print(context, renderTree(found))
  else
    print(
      context,
      objects.length === 0
        ? `Backup ${name} is empty.`
        : `Nothing in backup ${name} fits, of ${objects.length} objects.`,
    )
}

/** Conditions of different flags must all hold, those of one flag any. UserError for a type that the backup does not have. */
function filterOf(given: Asked['given'], objects: readonly StoredObject[]): (object: StoredObject) => boolean {
  const namespaces = given['include-namespaces']?.map(compileGlob)
  const named = given.name === undefined ? undefined : compileGlob(given.name)
  const types =
    given['include-resources'] && new Set(given['include-resources'].flatMap((word) => typesNamed(word, objects)))
  return ({ resource, namespace, name }) =>
    (namespaces === undefined || (namespace !== undefined && namespaces.some((fits) => fits(namespace)))) &&
    (types === undefined || types.has(resource)) &&
    (named === undefined || named(name))
}

function typesNamed(word: string, objects: readonly StoredObject[]): string[] {
  const resources = [...new Set(objects.map((object) => object.resource))]
  const found = storedTypesNamed(word, resources)
  if (found.length > 0) return found
  throw new UserError(
    `no object of a type "${word}" is in this backup; it holds ${resources.toSorted().join(', ') || 'nothing'}`,
  )
}

async function show(door: Door, address: string, { name, given, context }: Asked): Promise<void> {
  const parts = address.split('/')
  const [word = '', ...rest] = parts
  const [objectName = '', namespace] = rest.toReversed()
  if (parts.length < 2 || parts.length > 3 || parts.includes('')) {
    throw new UserError(`--show needs KIND/NAMESPACE/NAME or KIND/NAME, not "${address}"`, { exitCode: USAGE })
  }
  await using archive = await storedArchive(door, name, context.signal)
  const entries = [...archive.entries()]
  const types = new Set(typesNamed(word, entries))
  const found = entries.filter(
    (entry) => types.has(entry.resource) && entry.namespace === namespace && entry.name === objectName,
  )
  const [entry] = found
  if (entry === undefined) throw notThere(address, name, { types, objectName, entries })
  if (found.length > 1) {
    throw new UserError(`"${word}" stands for ${found.map(({ resource }) => resource).join(' and ')}; name one of them`)
  }
  printDocument(context, await archive.read(entry), given.output === 'json' ? 'json' : 'yaml')
}

/** Says where an object of that name is, or what else there is of the type. */
function notThere(
  address: string,
  backup: string,
  { types, objectName, entries }: { types: ReadonlySet<string>; objectName: string; entries: readonly StoredObject[] },
): UserError {
  const ofType = entries.filter((entry) => types.has(entry.resource))
  const sameName = ofType.filter((entry) => entry.name === objectName)
  const similar = sameName.length > 0 ? sameName : ofType
  const places = similar.map(({ resource, namespace, name }) =>
    [resource, namespace, name].filter((part) => part !== undefined).join('/'),
  )
  return new UserError(`there is no ${address} in backup ${backup}; there is ${firstFew(places)}`)
}
