import { annotationKeys } from '#api/labels.ts'
import type { CollectedItem, CollectedRef, Collection } from '#collect/collect.ts'
import { itemOf } from '#collect/collected.ts'
import type { Cut } from '#collect/cut.ts'
import { referenceKey, type Reference } from '#collect/relations.ts'
import { isFatal } from '#collect/start.ts'
import { cleanForBackup, withoutInternalAnnotations } from '#items/clean-for-backup.ts'
import type { KubeClient } from '#kube/client.ts'
import type { Item, KubeObject, ServedType } from '#kube/object.ts'
import { apiVersionOf, detached, resourceName, withObject } from '#kube/object.ts'
import { rawObject } from '#kube/raw-object.ts'
import type { BackupAction, RunningActions } from '#plugins/actions.ts'
import type { Decision } from '#plugins/answer.ts'
import { PluginError } from '#plugins/error.ts'
import type { PluginModule } from '#plugins/open.ts'
import type { ItemReference, PluginObject } from '#plugins/plugin.ts'
import { skipReason, type BackupScope } from '#selection/backup-scope.ts'
import { findType } from '#selection/resource-names.ts'
import type { Contents } from './contents.ts'
import { openBackupOperations, type BackupOperationOptions, type BackupOperations } from './operations.ts'

export interface ItemActionOptions extends BackupOperationOptions {
  readonly plugins: readonly PluginModule[]
  readonly kube: KubeClient
  readonly cut: Cut
  readonly scope: BackupScope
  readonly collection: Collection
  /** Those of the collection, as they come to the actions. */
  readonly items: AsyncIterable<CollectedItem>
  readonly contents: Contents
}

/** What plug-ins make of the items of one backup. Their threads, and operations that nobody will ask about again, end with dispose. */
export interface ItemActions extends AsyncDisposable {
  readonly operations: BackupOperations
  /**
   * The items as they are to be stored. Ends with what is read later than the rest: objects that plug-ins have made, and, when all
   * operations have ended, those that plug-ins want as they are then.
   */
  items(): AsyncIterable<CollectedItem>
  /** Such an item as it goes into the archive. */
  clean(item: CollectedItem): CollectedItem
  /** What others refer to and does not exist; final when `items` has ended. */
  readonly missing: readonly Reference[]
  /** What has to be taken back; final when `items` has ended. */
  readonly gone: readonly CollectedRef[]
}

/** Asks the actions about each item (spec/backup §4.4 and §7). */
export class ActingOnItems implements ItemActions {
  readonly operations: BackupOperations
  readonly missing: Reference[] = []
  readonly #options: ItemActionOptions
  readonly #actions: RunningActions<BackupAction>
  /** What plug-ins asked for, by key. */
  readonly #additional = new Map<string, Additional>()
  /** What is to be stored as it is after the operations. */
  readonly #postponed = new Map<string, Reference>()
  /** Postponed items that have come by, should they be gone in the end. */
  readonly #held = new Map<string, CollectedItem>()
  /** Items that came and are not stored: they must not be asked for again. */
  readonly #keptOut = new Set<string>()
  /** What was read after the cut. */
  readonly #later = new Set<string>()
  /** Additional items that the collection no longer reads. */
  readonly #queue: Reference[] = []
  #stage: 'collecting' | 'catching-up' | 'finalizing' = 'collecting'

  constructor(options: ItemActionOptions, actions: RunningActions<BackupAction>) {
    this.#options = options
    this.#actions = actions
    this.operations = openBackupOperations(options)
  }

  get gone(): readonly CollectedRef[] {
    return this.#options.collection.gone.filter((ref) => !this.#later.has(keyOf(ref)))
  }

  async *items(): AsyncGenerator<CollectedItem, void, void> {
    const { collection, items } = this.#options
    for await (const read of items) {
      const item = this.#cleaned(read)
      const actions = this.#actions.of(item)
      const stored = actions.length === 0 ? item : await this.#acted(item, actions)
      if (stored !== undefined && !this.#hold(stored)) yield stored
    }
    this.#stage = 'catching-up'
    this.missing.push(...collection.missing.filter((reference) => !this.#additional.has(referenceKey(reference))))
    // Those that have not come are left out by the filters, or were not there at the cut.
    for (const { reference } of this.#additional.values()) this.#queue.push(reference)
    yield* this.#queuedItems()
    await this.operations.settle()
    this.#stage = 'finalizing'
    yield* this.#postponedItems()
    yield* this.#queuedItems()
  }

  clean(item: CollectedItem): CollectedItem {
    return item
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A run that was stopped is made again, and may find its operations then.
    if (this.#options.signal?.aborted !== true) await this.operations.abandon()
    await this.#actions[Symbol.asyncDispose]()
  }

  /** True for an item that is stored at the end. */
  #hold(item: CollectedItem): boolean {
    if (this.#postponed.size === 0 || !item.preferred || !this.#postponed.has(keyOf(item))) return false
    this.#held.set(keyOf(item), detached(item))
    return true
  }

  /** Additional items that did not exist at the cut or were named after the collection has ended. */
  async *#queuedItems(): AsyncGenerator<CollectedItem, void, void> {
    for (let reference = this.#queue.shift(); reference !== undefined; reference = this.#queue.shift()) {
      if (this.#isSettled(reference) || !this.#mayBeTaken(reference)) continue
      const item = await this.#readNow(reference)
      if (item === undefined) this.missing.push(reference)
      else if (this.#accepts(item)) {
        const stored = await this.#acted(item, this.#actions.of(item))
        if (stored !== undefined && !(this.#stage === 'catching-up' && this.#hold(stored))) yield stored
      }
    }
  }

  /** What cannot be had any more stays as it was when it came by. */
  async *#postponedItems(): AsyncGenerator<CollectedItem, void, void> {
    for (const [key, reference] of this.#postponed) {
      const item = await this.#readNow(reference)
      const stored = item && (await this.#acted(item, this.#actions.of(item)))
      const last = stored ?? this.#held.get(key)
      if (last !== undefined) yield last
    }
  }

  /** Asks of an object that has only a name: what would be left out anyway is not even read. */
  #mayBeTaken(reference: Reference): boolean {
    const type = this.#typeOf(reference)
    return type === undefined || this.#accepts(nameOnly(type, reference))
  }

  #accepts(item: CollectedItem): boolean {
    const demanded = this.#stage === 'finalizing' || this.#additional.get(keyOf(item))?.mustInclude === true
    return skipReason(item, this.#options.scope, demanded ? 'demanded' : 'related') === undefined
  }

  async #readNow(reference: Reference): Promise<CollectedItem | undefined> {
    const { kube, log, signal } = this.#options
    const { namespace, name } = reference
    const type = this.#typeOf(reference)
    if (type === undefined) return undefined
    try {
      const object = await kube.find(type, name, { namespace, signal })
      if (object === undefined) return undefined
      this.#later.add(referenceKey(reference))
      return this.#cleaned(itemOf(type, rawObject(object), { later: true }))
    } catch (error) {
      if (await isFatal(error, { kube, signal })) throw error
      log.error('Could not read an object that a plug-in asked for', {
        ...fieldsOf(nameOnly(type, reference)),
        error: (error as Error).message,
      })
      return undefined
    }
  }

  /** Our own steps come first, as Velero's own actions do. */
  #cleaned(item: CollectedItem): CollectedItem {
    return cleanForBackup(item, { backupName: this.#options.backup.metadata.name })
  }

  /** The item as the actions leave it; undefined when it stays out. */
  async #acted(item: CollectedItem, actions: readonly BackupAction[]): Promise<CollectedItem | undefined> {
    let { object } = item
    for (const action of actions) {
      try {
        const decision = await action.execute(object as PluginObject, this.operations.context())
        if (isSkip(decision)) return this.#leaveOut(item, action)
        this.#note(decision, item, action)
        if (decision.item !== undefined) object = withoutInternalAnnotations(decision.item as KubeObject)
      } catch (error) {
        if (!(error instanceof PluginError)) throw error
        this.#options.log.error('Not in this backup because a plug-in failed', {
          ...fieldsOf(item),
          error: error.message,
        })
        this.#keptOut.add(keyOf(item))
        return undefined
      }
    }
    return withObject(item, object)
  }

  #leaveOut(item: CollectedItem, { name }: BackupAction): undefined {
    this.#options.log.info('Left out by a plug-in', { ...fieldsOf(item), action: name })
    this.#keptOut.add(keyOf(item))
  }

  /** Takes note of what else an action wants. */
  #note(decision: Decision, item: CollectedItem, action: BackupAction): void {
    if (this.#stage === 'finalizing' && decision.operation !== undefined) {
      throw new PluginError('bad-answer', `plug-in action ${action.name}: it must not start operations when finalizing`)
    }
    const mustInclude =
      decision.mustInclude || annotation(decision, annotationKeys.mustIncludeAdditionalItems) === 'true'
    const wanted = decision.additionalItems
      .map((reference) => this.#resolve(reference))
      .filter((reference) => referenceKey(reference) !== keyOf(item) && !this.#isSettled(reference))
    for (const reference of wanted) {
      const key = referenceKey(reference)
      const before = this.#additional.get(key)?.mustInclude
      this.#additional.set(key, { reference, mustInclude: mustInclude || before === true })
    }
    if (this.#stage === 'collecting') this.#options.collection.want(wanted, { mustInclude })
    else this.#queue.push(...wanted)
    if (decision.operation === undefined) return
    const { id, postOperationItems } = decision.operation
    const { type, namespace, name } = item
    this.operations.start(action, id, { item: { type, namespace, name }, postOperationItems })
    for (const one of postOperationItems.map((reference) => this.#resolve(reference))) {
      this.#postponed.set(referenceKey(one), one)
    }
  }

  /** Whether an object is stored, will be, or came and stays out. */
  #isSettled(reference: Reference): boolean {
    const key = referenceKey(reference)
    if (this.#keptOut.has(key) || this.#postponed.has(key)) return true
    const { namespace, name } = reference
    const type = this.#typeOf(reference)
    const listed = type && { apiVersion: apiVersionOf(type), kind: type.kind, namespace, name }
    return listed !== undefined && this.#options.contents.list.has(listed)
  }

  #typeOf({ resource }: Reference): ServedType | undefined {
    return this.#options.cut.types.find((one) => one.preferred && resourceName(one) === resource)
  }

  #resolve({ group = '', resource, namespace, name }: ItemReference): Reference {
    const asked = group === '' ? resource : `${resource}.${group}`
    const type = findType(asked, this.#options.cut.types)
    return {
      resource: type === undefined ? asked : resourceName(type),
      namespace: type?.namespaced === false ? undefined : namespace || undefined,
      name,
    }
  }
}

interface Additional {
  readonly reference: Reference
  /** The filters are passed over for it. */
  readonly mustInclude: boolean
}

function nameOnly(type: ServedType, { namespace, name }: Reference): CollectedItem {
  return itemOf(type, rawObject({ apiVersion: apiVersionOf(type), kind: type.kind, metadata: { name, namespace } }))
}

function isSkip(decision: Decision): boolean {
  return decision.skip || annotation(decision, annotationKeys.skipFromBackup) !== undefined
}

/** Annotations speak only on an item that the action has returned. */
function annotation({ item }: Decision, key: string): string | undefined {
  return item?.metadata.annotations?.[key]
}

function keyOf({ type, namespace, name }: Omit<Item, 'object'>): string {
  return referenceKey({ resource: resourceName(type), namespace, name })
}

function fieldsOf({ type, namespace = '', name }: Item): { resource: string; namespace: string; name: string } {
  return { resource: resourceName(type), namespace, name }
}
