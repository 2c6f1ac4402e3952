import type { Restore } from '#api/restore.ts'
import type { ExtraObject } from '#apply/extra-object.ts'
import { entryPath } from '#archive/entry-path.ts'
import { type ExtraKept, extraKept } from '#items/extra.ts'
import { gitOpsOwner } from '#items/gitops.ts'
import { refKey } from '#items/item-ref.ts'
import type { KubeClient } from '#kube/client.ts'
import { type KubeObject, type ServedType, resourceName } from '#kube/object.ts'
import { type BackupScope, compileBackupScope, skipReason } from '#selection/backup-scope.ts'
import { type RestoreScope, restoreSelects, restoreSkipReason, targetNamespace } from '#selection/restore-scope.ts'
import type { BackupSource } from './backup-source.ts'

export interface ExtraOptions {
  restore: Restore
  source: BackupSource
  scope: RestoreScope
  /** Places (`refKey`) of objects that came from the archive under another name or type. */
  renamed: ReadonlySet<string>
  kube: KubeClient
  /** Set when objects that are kept by Git are left alone: the names of the Argo CD Applications there are. */
  leavesToGit?: ReadonlySet<string> | undefined
  signal?: AbortSignal | undefined
}

/**
 * The live objects in the namespaces of an exact restore that the backup does not have although it would have taken them, each
 * with the reason why it stays, if it does. Only types count of which the backup says that it holds all. Rejects with KubeError.
 */
export async function* extraObjects(options: ExtraOptions): AsyncGenerator<ExtraObject, void, void> {
  const { restore, source, kube, signal } = options
  const { types } = await kube.discover({ signal })
  const listed = types.filter((type) => isDeletable(type) && source.listed.has(resourceName(type)))
  const { includedNamespaces, namespaceMapping } = restore.spec
  const places = Map.groupBy(includedNamespaces ?? [], (name) => targetNamespace(name, namespaceMapping ?? undefined))
  for (const [namespace, sources] of places) {
    const scope = compileBackupScope(source.backup.spec, { types, namespaces: sources.map(namespaceNamed) })
    yield* extrasIn(namespace, { ...options, types: listed, sources, backupScope: scope })
  }
}

interface Looking extends ExtraOptions {
  types: readonly ServedType[]
  /** The namespaces of the backup that go into this one. */
  sources: readonly string[]
  backupScope: BackupScope
}

function isDeletable({ namespaced, preferred, verbs }: ServedType): boolean {
  return namespaced && preferred && verbs.includes('list') && verbs.includes('delete')
}

function namespaceNamed(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } }
}

/** Everything is listed before anything is judged: whether an object stays depends on what becomes of its owner. */
async function* extrasIn(namespace: string, looking: Looking): AsyncGenerator<ExtraObject, void, void> {
  const extras = new Map<string, { type: ServedType; object: KubeObject }>()
  const others = new Set<string>()
  for (const type of looking.types) {
    for await (const { items } of looking.kube.pages(type, { namespace, signal: looking.signal })) {
      for (const object of items) {
        const { uid = '' } = object.metadata
        if (isExtra(type, object, looking)) extras.set(uid, { type, object: outline(object) })
        else others.add(uid)
      }
    }
  }
  const keptOf = judge(extras, others, looking)
  for (const [uid, { type, object }] of extras) {
    yield { place: { type, namespace, name: object.metadata.name }, object, kept: keptOf(uid) }
  }
}

/** The decision on each extra object by uid, made once; owners first. */
function judge(
  extras: ReadonlyMap<string, { type: ServedType; object: KubeObject }>,
  others: ReadonlySet<string>,
  { leavesToGit }: Looking,
): (uid: string) => ExtraKept | undefined {
  const decided = new Map<string, ExtraKept | undefined>()
  const open = new Set<string>()
  const fateOf = (uid: string): 'goes' | 'stays' | undefined => {
    if (!extras.has(uid)) return others.has(uid) ? 'stays' : undefined
    // Two objects that own each other: neither is known to go.
    if (open.has(uid)) return undefined
    const kept = decide(uid)
    return kept === undefined || kept === 'goes-with-its-owner' ? 'goes' : 'stays'
  }
  const decide = (uid: string): ExtraKept | undefined => {
    const extra = extras.get(uid)
    if (extra === undefined || decided.has(uid)) return decided.get(uid)
    open.add(uid)
    const { type, object } = extra
    const byGit = leavesToGit !== undefined && gitOpsOwner(object, leavesToGit) !== undefined
    const kept = byGit ? 'left-to-git' : extraKept({ resource: resourceName(type), object }, fateOf)
    open.delete(uid)
    decided.set(uid, kept)
    return kept
  }
  return decide
}

/** True for what both the backup and the restore would take, and the backup does not have. */
function isExtra(type: ServedType, object: KubeObject, looking: Looking): boolean {
  const { sources, backupScope, scope, source, renamed } = looking
  const resource = resourceName(type)
  const { name, labels = {} } = object.metadata
  if (renamed.has(refKey({ resource, namespace: object.metadata.namespace, name }))) return false
  if (!restoreSelects(scope, resource, labels)) return false
  return sources.every((namespace) => {
    const path = entryPath({ resource, namespace, name, version: undefined, preferred: false })
    if (source.archive.find(path) !== undefined) return false
    if (restoreSkipReason({ resource, namespace }, scope) !== undefined) return false
    const taken = skipReason({ type, namespace, name, object }, backupScope)
    return taken === undefined || taken === 'being-deleted'
  })
}

/** What the decision needs; there may be many, and they are kept until all are seen. */
function outline({ apiVersion, kind, metadata, type }: KubeObject): KubeObject {
  const { name, namespace, uid, labels, annotations, ownerReferences, deletionTimestamp } = metadata
  return {
    apiVersion,
    kind,
    metadata: { name, namespace, uid, labels, annotations, ownerReferences, deletionTimestamp },
    ...(type === undefined ? {} : { type }),
  }
}
