// Finds the objects in the text of a list without making anything of them: a list of 500 objects is parsed for the sake of a few
// hundred bytes of each, and what would be made of the rest costs more than all other work on it.

/** Where something begins, and where it has ended. Bytes. */
export type Span = readonly [from: number, to: number]

/** Where an object of a list is, and what in it must be known. */
export interface ObjectSpan {
  /** From its opening to behind its closing brace. */
  readonly whole: Span
  readonly metadata: Span
  /** Key and value, within `metadata`. */
  readonly managedFields: Span | undefined
  /** Whether it says its `apiVersion` and `kind`. */
  readonly typed: boolean
}

/** Where the objects of a list are. */
export interface ListSpans {
  readonly length: number
  at(index: number): ObjectSpan
  /** All between the brackets of `items`. */
  readonly items: Span
}

const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a]
const [BRACE, END_BRACE, BRACKET, END_BRACKET] = [0x7b, 0x7d, 0x5b, 0x5d]
const [BLANK, TAB, LINE, RETURN] = [0x20, 0x09, 0x0a, 0x0d]

/**
 * The objects in the JSON text of a list. Undefined when it is none, when an object has no metadata, a field twice or only half a type, or
 * when strings or brackets do not end; whatever else is wrong in an object shows when it is parsed.
 */
export function spansIn(bytes: Uint8Array): ListSpans | undefined {
  let found: ListSpans | undefined
  const end = eachField(bytes, afterBlanks(bytes, 0), (key, value) => {
    if (!isWord(bytes, key, words.items) || bytes[value] !== BRACKET) return endOfValue(bytes, value)
    const places: number[] = []
    const to = eachObject(bytes, value, places)
    if (to < 0 || found !== undefined) return -1
    found = listSpans(Int32Array.from(places), [value + 1, to - 1])
    return to
  })
  return end < 0 ? undefined : found
}

/** Numbers per object: whole, metadata, managed fields (0 when there are none), typed. */
const WIDTH = 7

function listSpans(places: Int32Array, items: Span): ListSpans {
  return {
    length: places.length / WIDTH,
    items,
    at(index) {
      const [from = 0, to = 0, metaFrom = 0, metaTo = 0, managedFrom = 0, managedTo = 0, typed] = places.subarray(
        index * WIDTH,
        (index + 1) * WIDTH,
      )
      const managedFields = managedTo === 0 ? undefined : ([managedFrom, managedTo] as const)
      return { whole: [from, to], metadata: [metaFrom, metaTo], managedFields, typed: typed === 1 }
    },
  }
}

const words = {
  items: Buffer.from('"items"'),
  metadata: Buffer.from('"metadata"'),
  managedFields: Buffer.from('"managedFields"'),
  apiVersion: Buffer.from('"apiVersion"'),
  kind: Buffer.from('"kind"'),
}

// The functions below take the place where something begins and give the place behind it, or -1 when it does not end or is something else.

function eachObject(bytes: Uint8Array, from: number, places: number[]): number {
  let [metaFrom, metaTo, managedFrom, managedTo, apiVersions, kinds] = [0, 0, 0, 0, 0, 0]
  const inMetadata = (key: number, value: number): number => {
    const end = endOfValue(bytes, value)
    if (!isWord(bytes, key, words.managedFields)) return end
    if (managedTo !== 0) return -1
    managedFrom = key
    managedTo = end
    return end
  }
  const inObject = (key: number, value: number): number => {
    if (isWord(bytes, key, words.apiVersion)) apiVersions += 1
    else if (isWord(bytes, key, words.kind)) kinds += 1
    else if (isWord(bytes, key, words.metadata)) {
      if (metaTo !== 0) return -1
      metaFrom = value
      metaTo = eachField(bytes, value, inMetadata)
      return metaTo
    }
    return endOfValue(bytes, value)
  }
  let at = afterBlanks(bytes, from + 1)
  while (bytes[at] !== END_BRACKET) {
    metaTo = managedTo = apiVersions = kinds = 0
    const to = eachField(bytes, at, inObject)
    if (to < 0 || metaTo === 0 || apiVersions !== kinds || kinds > 1) return -1
    places.push(at, to, metaFrom, metaTo, managedFrom, managedTo, kinds)
    at = afterElement(bytes, to, END_BRACKET)
    if (at < 0) return -1
  }
  return at + 1
}

/** Behind the comma, or at the bracket that ends it all. */
function afterElement(bytes: Uint8Array, end: number, bracket: number): number {
  const at = afterBlanks(bytes, end)
  if (bytes[at] === COMMA) return afterBlanks(bytes, at + 1)
  return bytes[at] === bracket ? at : -1
}

/** `field` is told where a key and its value begin, and says where the value has ended. */
function eachField(bytes: Uint8Array, from: number, field: (key: number, value: number) => number): number {
  if (bytes[from] !== BRACE) return -1
  let at = afterBlanks(bytes, from + 1)
  while (bytes[at] !== END_BRACE) {
    if (bytes[at] !== QUOTE) return -1
    const colon = afterBlanks(bytes, endOfString(bytes, at))
    if (bytes[colon] !== COLON) return -1
    const end = field(at, afterBlanks(bytes, colon + 1))
    if (end < 0) return -1
    at = afterElement(bytes, end, END_BRACE)
    if (at < 0) return -1
  }
  return at + 1
}

function endOfValue(bytes: Uint8Array, from: number): number {
  const first = bytes[from]
  if (first === QUOTE) return endOfString(bytes, from)
  if (first !== BRACE && first !== BRACKET) return endOfLiteral(bytes, from)
  let depth = 1
  for (let at = from + 1; ; at += 1) {
    const byte = bytes[at]
    if (byte === QUOTE) {
      at = endOfString(bytes, at) - 1
      if (at < 0) return -1
    } else if (byte === BRACE || byte === BRACKET) depth += 1
    else if (byte === END_BRACE || byte === END_BRACKET) {
      depth -= 1
      if (depth === 0) return at + 1
    } else if (byte === undefined) return -1
  }
}

function endOfString(bytes: Uint8Array, from: number): number {
  for (let at = from + 1; at < bytes.length; at += 1) {
    const byte = bytes[at]
    if (byte === QUOTE) return at + 1
    if (byte === BACKSLASH) at += 1
  }
  return -1
}

/** Numbers, `true`, `false` and `null`. */
function endOfLiteral(bytes: Uint8Array, from: number): number {
  let at = from
  for (; at < bytes.length; at += 1) {
    const byte = bytes[at]
    if (byte === COMMA || byte === END_BRACE || byte === END_BRACKET || isBlank(byte)) break
  }
  return at === from ? -1 : at
}

function afterBlanks(bytes: Uint8Array, from: number): number {
  let at = from
  while (isBlank(bytes[at])) at += 1
  return at
}

function isBlank(byte: number | undefined): boolean {
  return byte === BLANK || byte === LINE || byte === TAB || byte === RETURN
}

/** Keys with escapes are never those that are looked for: no encoder escapes a letter. */
function isWord(bytes: Uint8Array, from: number, word: Uint8Array): boolean {
  for (let at = 0; at < word.length; at += 1) if (bytes[from + at] !== word[at]) return false
  return true
}
