import type { KubeObject } from '#kube/object.ts'
import { matchesSelector } from '#selection/label-selector.ts'
import { applyJsonPatch } from './json-patch.ts'
import { objectOf, textOf, type JsonObject } from './json.ts'
import { applyMergePatch } from './merge.ts'
import { mergeRulesOf } from './merge-keys.ts'
import type { ModifierConditions, ModifierRule } from './modifier-rules.ts'
import { PatchError } from './patch-error.ts'
import { applyStrategicPatch } from './strategic-merge.ts'

/** An object after the rules that fit it. */
export interface Modified {
  readonly object: KubeObject
  /** What could not be done, one sentence for each rule; the object is without the changes of that rule. */
  readonly problems: readonly string[]
  /** Rules that a test of theirs stopped, which is what tests are for. */
  readonly stopped: readonly string[]
}

/** Changes `object` by every rule that fits it as it came in, one after the other (spec/restore §7). `namespace` is that in the backup. Changes nothing in place. */
export function modify(
  object: KubeObject,
  rules: readonly ModifierRule[],
  { resource, namespace }: { resource: string; namespace: string | undefined },
): Modified {
  const problems: string[] = []
  const stopped: string[] = []
  let current = object
  for (const rule of rules) {
    const place = `resource modifier rule ${rule.number}`
    try {
      if (!fits(rule.conditions, object, { resource, namespace })) continue
      current = stillAnObject(patched(current, rule, resource))
    } catch (error) {
      if (!(error instanceof PatchError)) throw error
      const told = error.problem === 'test-failed' ? stopped : problems
      told.push(`${place}: ${error.message}`)
    }
  }
  return { object: current, problems, stopped }
}

function fits(
  conditions: ModifierConditions,
  object: KubeObject,
  { resource, namespace }: { resource: string; namespace: string | undefined },
): boolean {
  const { name, labels } = object.metadata
  return (
    conditions.fitsResource(resource) &&
    (namespace === undefined || conditions.fitsNamespace(namespace)) &&
    conditions.fitsName(name) &&
    (conditions.selector === undefined || matchesSelector(conditions.selector, labels)) &&
    passes(conditions, object)
  )
}

function passes({ matches }: ModifierConditions, object: KubeObject): boolean {
  try {
    applyJsonPatch(object, matches)
    return true
  } catch (error) {
    if (error instanceof PatchError) return false
    throw error
  }
}

function patched(object: KubeObject, { patch }: ModifierRule, resource: string): unknown {
  switch (patch.kind) {
    case 'json':
      return applyJsonPatch(object, patch.operations)
    case 'merge':
      return patch.patches.reduce<unknown>(applyMergePatch, object)
    case 'strategic': {
      const rules = mergeRulesOf(resource)
      if (rules === undefined) {
        throw refusal(`${resource} is a custom type, which has no strategic merge patches; use mergePatches or patches`)
      }
      return patch.patches.reduce<JsonObject>((merged, one) => applyStrategicPatch(merged, one, rules), object)
    }
    case 'none':
      throw refusal('it has no patches')
  }
}

function stillAnObject(value: unknown): KubeObject {
  const object = objectOf(value)
  const metadata = objectOf(object?.['metadata'])
  const lost = [
    ...['apiVersion', 'kind'].filter((field) => !textOf(object?.[field])),
    ...(textOf(metadata?.['name']) ? [] : ['metadata.name']),
  ]
  if (lost.length === 0) return object as unknown as KubeObject
  throw refusal(`the patch takes away ${lost.join(' and ')}`)
}

function refusal(message: string): PatchError {
  return new PatchError('does-not-apply', message)
}
