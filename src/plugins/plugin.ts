// What a plug-in is, for those who write one: `import type { Plugin } from 'lifeboat/plugin'`. Types only, and nothing is imported, so
// that this file can be shipped as it is. How plug-ins are written, configured and tested is in docs/plugins.md.

/** Any JSON value. An integer or decimal that a double cannot hold is the value `JSON.rawJSON` makes: hand it on as it is. */
export type Json = unknown

/** A Kubernetes object as the API server serves it. Fields you do not know must stay. */
export interface PluginObject {
  apiVersion: string
  kind: string
  metadata: {
    name: string
    namespace?: string | undefined
    labels?: Record<string, string> | undefined
    annotations?: Record<string, string> | undefined
    [field: string]: Json
  }
  [field: string]: Json
}

/** The Backup that is being made: `spec` with its defaults. */
export interface PluginBackup {
  apiVersion: string
  kind: string
  metadata: PluginObject['metadata']
  spec: Record<string, Json>
  /** `status.phase` is `InProgress`, then `WaitingForPluginOperations` while operations run, and `Finalizing` afterwards. */
  status?: { phase?: string | undefined; [field: string]: Json } | undefined
}

/** What every call is told. */
export interface PluginContext {
  backup: PluginBackup
}

/** Names one object. */
export interface ItemReference {
  /** API group; empty or absent for the core group. */
  group?: string | undefined
  /** Plural: `persistentvolumeclaims`. */
  resource: string
  /** Empty or absent for a cluster-scoped object. */
  namespace?: string | undefined
  name: string
}

/**
 * Which items an action gets; absent and empty lists mean all. Names of namespaces may be patterns (`shop-*`), those of resources may be
 * short (`po`, `deploy`) or with their group (`deployments.apps`). An action that selects namespaces gets no cluster-scoped items.
 */
export interface ItemSelector {
  includedNamespaces?: readonly string[] | undefined
  excludedNamespaces?: readonly string[] | undefined
  includedResources?: readonly string[] | undefined
  excludedResources?: readonly string[] | undefined
  /** As kubectl takes it: `app=shop,tier in (web,db)`. */
  labelSelector?: string | undefined
}

/** What `execute` decides about an item. Nothing at all leaves it as it is. */
export interface ItemDecision {
  /** The item as it is to be stored; apiVersion, kind, namespace and name must stay. */
  item?: PluginObject | undefined
  /** True keeps the item out of the backup, as does the annotation `velero.io/skip-from-backup` on the returned item. */
  skip?: boolean | undefined
  /** Objects that go into the backup too if its filters do not exclude them. Those of our own that exist only now are read as they are now. */
  additionalItems?: readonly ItemReference[] | undefined
  /** True puts them in whatever the filters say, as does the annotation `backup.velero.io/must-include-additional-items: "true"` on the returned item. */
  mustIncludeAdditionalItems?: boolean | undefined
  /** Work that goes on after the call; the action must have `progress`. Not allowed while `status.phase` is `Finalizing`. */
  operation?: StartedOperation | undefined
}

/** Work that `execute` has begun. */
export interface StartedOperation {
  /** Must be enough to find the work again: the module may have been started anew in between. */
  id: string
  /** Objects that are read once more, and stored as they are then, when all operations of the backup have ended. */
  postOperationItems?: readonly ItemReference[] | undefined
}

/** How far an operation is. Times are RFC 3339. */
export interface OperationProgress {
  completed: boolean
  /** Why it failed; only together with `completed`. */
  error?: string | undefined
  nCompleted?: number | undefined
  nTotal?: number | undefined
  /** What the two numbers count: `Bytes`. */
  units?: string | undefined
  description?: string | undefined
  started?: string | undefined
  updated?: string | undefined
}

/**
 * Steps in on the items of a backup, with the power of Velero's BackupItemAction v2. Calls come one at a time. Each has a time limit; one that
 * throws, gives nonsense, takes too long or ends its thread is an error for its item, which is then not stored, and the backup goes on.
 */
export interface BackupItemAction {
  /** `example.com/redact`: a domain of yours and a word. One name belongs to one action. */
  name: string
  /** Absent: all items. */
  appliesTo?: ItemSelector | undefined
  /** May be asked twice for an item. */
  execute(
    item: PluginObject,
    context: PluginContext,
  ): ItemDecision | undefined | void | Promise<ItemDecision | undefined | void>
  /** How far the operation `operationId` is. An error here means that the operation has failed. */
  progress?(operationId: string, context: PluginContext): OperationProgress | Promise<OperationProgress>
  /** Ends an operation that took longer than the backup's `itemOperationTimeout`. */
  cancel?(operationId: string, context: PluginContext): void | Promise<void>
}

/** The Restore that is being made. */
export interface PluginRestore {
  apiVersion: string
  kind: string
  metadata: PluginObject['metadata']
  spec: Record<string, Json>
  /** `status.phase` is `InProgress`, then `WaitingForPluginOperations` while operations run. */
  status?: { phase?: string | undefined; [field: string]: Json } | undefined
}

/** What every call about a restore is told. */
export interface RestorePluginContext {
  restore: PluginRestore
}

/** What `execute` of a restore item action is told. */
export interface RestoreExecuteContext extends RestorePluginContext {
  /** The item as it is in the backup: with its status and everything that the API server will set anew. */
  itemFromBackup: PluginObject
}

/** What `execute` decides about an item that is to be restored. Nothing at all leaves it as it is. */
export interface RestoreItemDecision {
  /** The item as it is to be created; kind, namespace and name must stay. The namespace is that of the backup: mapping comes later. */
  item?: PluginObject | undefined
  /** True leaves the item out of the restore. */
  skip?: boolean | undefined
  /** Objects of the backup, by their names there, that are restored before this one, if the restore's filters for namespaces and types take them. */
  additionalItems?: readonly ItemReference[] | undefined
  /** True has the item wait until `areAdditionalItemsReady` says yes. */
  waitForAdditionalItems?: boolean | undefined
  /** How long at most; default the server's `--resource-timeout`. Then the item is restored all the same, with an error. */
  additionalItemsTimeoutSeconds?: number | undefined
  /** Work that goes on after the call; the action must have `progress`. */
  operation?: { id: string } | undefined
}

/**
 * Steps in on the items of a restore, with the power of Velero's RestoreItemAction v2, after our own steps and before the resource modifiers.
 * Limits and errors are as for BackupItemAction; the item of a failed call is not restored.
 */
export interface RestoreItemAction {
  name: string
  /** Absent: all items but Namespaces, which no action gets. Namespaces are those of the backup. */
  appliesTo?: ItemSelector | undefined
  /** May be asked twice for an item. */
  execute(
    item: PluginObject,
    context: RestoreExecuteContext,
  ): RestoreItemDecision | undefined | void | Promise<RestoreItemDecision | undefined | void>
  progress?(operationId: string, context: RestorePluginContext): OperationProgress | Promise<OperationProgress>
  cancel?(operationId: string, context: RestorePluginContext): void | Promise<void>
  /** Asked once a second, about those additional items that are in the backup; absent means yes. */
  areAdditionalItemsReady?(items: readonly ItemReference[], context: RestorePluginContext): boolean | Promise<boolean>
}

/** The default export of a plug-in module: `export default { backupItemActions: [redact] } satisfies Plugin`. */
export interface Plugin {
  /** Called in this order. */
  backupItemActions?: readonly BackupItemAction[] | undefined
  restoreItemActions?: readonly RestoreItemAction[] | undefined
}
