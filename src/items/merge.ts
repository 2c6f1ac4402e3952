/** The JSON merge patch (RFC 7396) that turns `from` into `to`; `{}` when they are equal. Null values in `to` cannot be told by such a patch. */
export function mergePatch(_from: object, _to: object): Record<string, unknown> {
  throw new Error('being written')
}

/** `target` with the merge patch applied; nothing is changed in place. */
export function applyMergePatch(_target: unknown, _patch: unknown): unknown {
  throw new Error('being written')
}
