import { setTimeout as sleep } from 'node:timers/promises'
import type { Remark } from '#apply/outcome.ts'
import { entryPath } from '#archive/entry-path.ts'
import type { ArchivedEntry, OpenArchive } from '#archive/open.ts'
import type { RunLog } from '#archive/run-log.ts'
import { refKey, type ItemRef } from '#items/item-ref.ts'
import type { BegunRestore } from '#items/restore-step.ts'
import type { KubeClient } from '#kube/client.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { startRestoreActions, type RestoreAction, type RunningActions } from '#plugins/actions.ts'
import { PluginError } from '#plugins/error.ts'
import type { PluginModule } from '#plugins/open.ts'
import type { ItemReference, PluginObject } from '#plugins/plugin.ts'
import { targetNamespace } from '#selection/restore-scope.ts'
import {
  openRestoreOperations,
  type OperatedItem,
  type RestoreOperationOptions,
  type RestoreOperations,
} from './operations.ts'

export interface RestoreItemActionOptions extends RestoreOperationOptions {
  readonly plugins: readonly PluginModule[]
  readonly kube: KubeClient
  readonly archive: OpenArchive
  readonly log: RunLog
  /** How long additional items are waited for, in milliseconds, unless the action says; default ten minutes, as Velero. */
  readonly patience?: number | undefined
}

/** What plug-ins made of an item. */
export type ActedItem =
  | {
      readonly do: 'go-on'
      readonly object: KubeObject
      readonly related: readonly ItemRef[]
      /** To be called when the related items are there: waits for what plug-ins want to wait for. */
      readonly ready?: (() => Promise<readonly Remark[]>) | undefined
    }
  | { readonly do: 'skip'; readonly reason: 'left-out-by-plug-in' }

/** The part of plug-ins in one restore. Their threads, and operations that nobody will ask about again, end with dispose. */
export interface RestoreItemActions extends AsyncDisposable {
  readonly operations: RestoreOperations
  /** After our own steps and before the modifiers (spec/restore §6). Rejects with PluginError, or with the signal's reason. */
  act(entry: ArchivedEntry, archived: KubeObject, begun: BegunRestore): Promise<ActedItem>
}

const TEN_MINUTES_MS = 600_000
const ONE_SECOND_MS = 1000

/** Starts the restore item actions of `plugins`; the threads come with the first item. Rejects with KubeError. */
export async function openRestoreItemActions(options: RestoreItemActionOptions): Promise<RestoreItemActions> {
  const { plugins, kube, log, signal } = options
  const types = plugins.length === 0 ? [] : (await kube.discover({ signal })).types
  const onOutput = (line: string, plugin: string): void => log.info(line, { plugin })
  return new ActingOnRestore(options, startRestoreActions(plugins, { types, signal, onOutput }))
}

class ActingOnRestore implements RestoreItemActions {
  readonly operations: RestoreOperations
  readonly #options: RestoreItemActionOptions
  readonly #actions: RunningActions<RestoreAction>
  readonly #types = new Map<string, ResourceType>()

  constructor(options: RestoreItemActionOptions, actions: RunningActions<RestoreAction>) {
    this.#options = options
    this.#actions = actions
    this.operations = openRestoreOperations(options)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A restore that was stopped is taken up again, and may find its operations then.
    if (this.#options.signal?.aborted !== true) await this.operations.abandon()
    await this.#actions[Symbol.asyncDispose]()
  }

  async act(entry: ArchivedEntry, archived: KubeObject, begun: BegunRestore): Promise<ActedItem> {
    const type = this.#typeOf(entry, archived)
    let { object } = begun
    const related = [...begun.related]
    const waits: Wait[] = []
    for (const { action, applies } of this.#actions.wanting(type)) {
      const item = { type, namespace: entry.namespace, name: entry.name, object }
      // By its labels as they are now.
      if (!applies.item(item)) continue
      const context = { ...this.operations.context(), itemFromBackup: archived as PluginObject }
      const decision = await action.execute(object as PluginObject, context)
      if (decision.operation !== undefined) this.operations.start(action, decision.operation.id, this.#placed(item))
      if (decision.skip) return { do: 'skip', reason: 'left-out-by-plug-in' }
      if (decision.item !== undefined) object = decision.item as KubeObject
      related.push(...decision.additionalItems.map(refOf))
      const items = decision.additionalItems.filter((one) => this.#isArchived(refOf(one)))
      if (decision.wait !== undefined) waits.push({ action, items, timeoutMillis: decision.wait.timeoutMillis })
    }
    const ready = waits.length === 0 ? undefined : () => this.#untilReady(waits, entry)
    return { do: 'go-on', object, related, ready }
  }

  async #untilReady(waits: readonly Wait[], entry: ArchivedEntry): Promise<readonly Remark[]> {
    const remarks: Remark[] = []
    for (const wait of waits) {
      const problem = await this.#problemOf(wait)
      if (problem !== undefined) remarks.push({ severity: 'error', message: `${refKey(entry)}: ${problem}` })
    }
    return remarks
  }

  /** Why the items did not get ready; undefined when they did. */
  async #problemOf({ action, items, timeoutMillis }: Wait): Promise<string | undefined> {
    const { signal, patience = TEN_MINUTES_MS } = this.#options
    const limit = timeoutMillis ?? patience
    const deadline = performance.now() + limit
    try {
      while (!(await action.areAdditionalItemsReady(items, this.operations.context()))) {
        if (performance.now() > deadline)
          return `additional items of plug-in action ${action.name} were not ready within ${limit / 1000} s`
        await sleep(ONE_SECOND_MS, undefined, { signal })
      }
      return undefined
    } catch (error) {
      if (!(error instanceof PluginError)) throw error
      return error.message
    }
  }

  /** Where it goes: that is how the artifacts of a restore name objects. */
  #placed({ type, namespace, name }: OperatedItem): OperatedItem {
    const { namespaceMapping } = this.#options.restore.spec
    return { type, namespace: namespace && targetNamespace(namespace, namespaceMapping), name }
  }

  #isArchived(ref: ItemRef): boolean {
    return this.#options.archive.find(entryPath({ ...ref, version: undefined, preferred: false })) !== undefined
  }

  /** One for each resource, since actions are looked up by it. */
  #typeOf({ resource, namespace }: ArchivedEntry, { apiVersion, kind }: KubeObject): ResourceType {
    const known = this.#types.get(resource)
    if (known !== undefined) return known
    const dot = resource.indexOf('.')
    const type = {
      group: dot < 0 ? '' : resource.slice(dot + 1),
      version: apiVersion.slice(apiVersion.indexOf('/') + 1),
      plural: dot < 0 ? resource : resource.slice(0, dot),
      kind,
      namespaced: namespace !== undefined,
    }
    this.#types.set(resource, type)
    return type
  }
}

interface Wait {
  readonly action: RestoreAction
  readonly items: readonly ItemReference[]
  readonly timeoutMillis: number | undefined
}

function refOf({ group = '', resource, namespace, name }: ItemReference): ItemRef {
  return { resource: group === '' ? resource : `${resource}.${group}`, namespace: namespace || undefined, name }
}
