import { randomBytes } from 'node:crypto'
import type { KubeClient } from '#kube/client.ts'
import { KubeError } from '#kube/error.ts'
import type { KubeObject, ResourceType } from '#kube/object.ts'
import { messageOf, type ProcessLog } from './controller.ts'
import { eventBudget } from './event-budget.ts'

/** What happened to an object, for whoever describes it. */
export interface Happening {
  readonly type: 'Normal' | 'Warning'
  /** One word in CamelCase. */
  readonly reason: string
  readonly message: string
}

/** Writes Events. */
export interface EventRecorder extends AsyncDisposable {
  /** Returns at once and never throws: an event that cannot be had is no reason to stop anything. */
  record(object: KubeObject, happening: Happening): void
}

export interface EventRecorderOptions {
  readonly kube: KubeClient
  /** Which program speaks: `lifeboat`. */
  readonly component: string
  /** Which process of it. */
  readonly instance: string
  readonly now: () => Date
  readonly log: ProcessLog
}

/** Core Events: every kubectl shows them, and they count repetitions. */
export const Events: ResourceType<CoreEvent> = {
  group: '',
  version: 'v1',
  plural: 'events',
  kind: 'Event',
  namespaced: true,
}

/** The fields of a core Event that we write. */
export type CoreEvent = {
  apiVersion: string
  kind: string
  metadata: { name: string; namespace?: string }
  involvedObject: { apiVersion: string; kind: string; name: string; namespace?: string; uid?: string }
  type: 'Normal' | 'Warning'
  reason: string
  message: string
  source: { component: string }
  reportingComponent: string
  reportingInstance: string
  firstTimestamp: string
  lastTimestamp: string
  count: number
}

/** Waiting to be sent; what comes on top of these is dropped. */
const MOST_WAITING = 200
/** Events that are counted up when they happen again. */
const MOST_REMEMBERED = 1000
const MESSAGE_CHARACTERS = 1024
const CALL_MS = 10_000
/** At the end of the process. */
const FLUSH_MS = 3000
/** How long nothing is tried after the API server has refused. */
const REFUSED_PAUSE_MS = 10 * 60_000

interface Sender {
  readonly options: EventRecorderOptions
  readonly sent: Map<string, { name: string; count: number }>
  readonly ending: AbortSignal
}

/** A recorder that sends one event after the other. Repetitions become one Event with a count, and no object gets more than `eventBudget` allows. */
export function eventRecorder(options: EventRecorderOptions): EventRecorder {
  const budget = eventBudget()
  const ending = new AbortController()
  const sender: Sender = { options, sent: new Map(), ending: ending.signal }
  const waiting: { object: KubeObject; happening: Happening }[] = []
  let running: Promise<void> | undefined
  let quietUntil = 0
  const drain = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      try {
        await send(next.object, next.happening, sender)
      } catch (error) {
        if (error instanceof KubeError && error.problem === 'forbidden') {
          quietUntil = performance.now() + REFUSED_PAUSE_MS
          waiting.length = 0
        }
        if (!ending.signal.aborted) options.log.warn({ error: messageOf(error) }, 'an event could not be written')
      }
    }
    running = undefined
  }
  return {
    record(object, happening) {
      const { uid, name } = object.metadata
      const now = performance.now()
      if (now < quietUntil || waiting.length >= MOST_WAITING || !budget.take(uid ?? `${object.kind}/${name}`, now))
        return
      waiting.push({ object, happening })
      running ??= drain()
    },
    async [Symbol.asyncDispose]() {
      const timer = setTimeout(() => {
        waiting.length = 0
        ending.abort()
      }, FLUSH_MS)
      await running
      clearTimeout(timer)
    },
  }
}

async function send(object: KubeObject, happening: Happening, { options, sent, ending }: Sender): Promise<void> {
  const { kube, now } = options
  const { namespace, uid, name } = object.metadata
  const signal = AbortSignal.any([ending, AbortSignal.timeout(CALL_MS)])
  const key = [object.kind, uid ?? name, happening.type, happening.reason, happening.message].join('\n')
  const before = sent.get(key)
  if (before !== undefined) {
    const change = { count: before.count + 1, lastTimestamp: seconds(now()) }
    const counted = await whenThere(() => kube.patch(Events, before.name, { merge: change }, { namespace, signal }))
    if (counted) {
      before.count += 1
      return
    }
  }
  const event = eventOf(object, happening, options)
  await kube.create(Events, event, { namespace, signal })
  sent.set(key, { name: event.metadata.name, count: 1 })
  if (sent.size > MOST_REMEMBERED) sent.delete(sent.keys().next().value ?? '')
}

/** The API server keeps events for an hour. */
async function whenThere(call: () => Promise<unknown>): Promise<boolean> {
  try {
    await call()
    return true
  } catch (error) {
    if (error instanceof KubeError && error.problem === 'not-found') return false
    throw error
  }
}

function eventOf(
  { apiVersion, kind, metadata }: KubeObject,
  { type, reason, message }: Happening,
  { component, instance, now }: EventRecorderOptions,
): CoreEvent {
  const { name, namespace, uid } = metadata
  const time = seconds(now())
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: eventName(name), ...(namespace === undefined ? {} : { namespace }) },
    involvedObject: {
      apiVersion,
      kind,
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
    },
    type,
    reason,
    message: message.length <= MESSAGE_CHARACTERS ? message : `${message.slice(0, MESSAGE_CHARACTERS - 1)}…`,
    source: { component },
    reportingComponent: component,
    reportingInstance: instance,
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  }
}

/** Unique, and a valid name even for an object whose own name is as long as names may be. */
function eventName(name: string): string {
  const suffix = randomBytes(8).toString('hex')
  return `${name.slice(0, 253 - suffix.length - 1).replace(/[^a-z0-9]+$/, '')}.${suffix}`
}

function seconds(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`
}
