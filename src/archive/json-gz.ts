/** One gzip member with one compact JSON document as Go's encoder writes it: `<`, `>`, `&` escaped, newline at the end (spec/object-store §2). */
export declare function encodeJsonGz(value: unknown): Promise<Uint8Array>

/** The value in a `.json.gz` or `.gz` JSON artifact. `name` is for messages; more than `maxBytes` (default 1 GiB) of text is 'too-large'. */
export declare function decodeJsonGz(
  bytes: AsyncIterable<Uint8Array> | Uint8Array,
  options: { name: string; maxBytes?: number | undefined },
): Promise<unknown>

/** Like `decodeJsonGz` for an artifact that holds a list; Velero writes an empty one as `null` or `[]`. */
export declare function decodeListGz(
  bytes: AsyncIterable<Uint8Array> | Uint8Array,
  options: { name: string; maxBytes?: number | undefined },
): Promise<unknown[]>
