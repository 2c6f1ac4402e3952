import { once } from 'node:events'
import type { Socket } from 'node:net'
import { type Dispatcher, WebSocket } from 'undici'
import type { Call } from './call.ts'
import type { Reply, Way } from './request.ts'
import { retryAfterSeconds } from './retry.ts'
import { unlessAborted } from './unless-aborted.ts'

/** What a WebSocket to the API server is opened with. */
export interface DialogueOptions {
  /** Subprotocols, best first; the server chooses. */
  readonly protocols: readonly string[]
  /** Gets each message as it comes, from the very first. */
  readonly onMessage: (message: Buffer) => void
}

/** An open WebSocket. */
export interface Dialogue {
  /** The subprotocol that the server chose. */
  readonly protocol: string
  /** Resolves when no message will come any more, for whatever reason. */
  readonly ended: Promise<void>
  /** Ends it at once, without the other side's consent. */
  end(): void
}

/** The answer to a request for a WebSocket. */
export interface DialogueReply extends Reply {
  /** Broken when the server said no (`status`). */
  readonly dialogue: Dialogue
}

/** A connection that is gone is found out after about two minutes even if nobody says anything. */
const KEEP_ALIVE_MILLIS = 30_000

/** Asks once for a WebSocket at the address of `call`. Rejects with the connection's own error, or with the signal's reason. */
export async function openDialogue(
  call: Call,
  way: Way,
  { protocols, onMessage }: DialogueOptions,
): Promise<DialogueReply> {
  const { origin, prefix, headers } = way.destination
  const handshake: Handshake = { socket: undefined, refusal: undefined, failure: undefined }
  const webSocket = new WebSocket(origin.replace(/^http/, 'ws') + prefix + call.path, {
    protocols: [...protocols],
    // It is no JSON that is asked for.
    headers: headerPairs({ ...headers, accept: '*/*', ...way.access.headers }),
    dispatcher: observed(way, handshake),
  })
  webSocket.binaryType = 'arraybuffer'
  webSocket.addEventListener('message', ({ data }: { data: ArrayBuffer | string }) => {
    onMessage(typeof data === 'string' ? Buffer.from(data) : Buffer.from(data))
  })
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  webSocket.addEventListener('close', () => resolve())
  // Without a listener it would end the process; what happened is in the handshake, or shows as the end.
  webSocket.addEventListener('error', () => undefined)
  const end = (): void => {
    if (handshake.socket === undefined) webSocket.close()
    else handshake.socket.destroy()
  }
  try {
    await unlessAborted(Promise.race([once(webSocket, 'open'), ended]), call.signal)
  } catch (error) {
    end()
    throw error
  }
  const dialogue = { protocol: webSocket.protocol, ended, end }
  const { refusal, failure } = handshake
  if (refusal !== undefined) return { ...refusal, dialogue }
  if (failure !== undefined) throw failure
  if (webSocket.readyState === WebSocket.CLOSED) throw new Error('what answers there speaks no WebSocket')
  return { status: 101, retryAfter: undefined, text: () => Promise.resolve(''), dialogue }
}

/** What a WebSocket does not tell about its opening. */
interface Handshake {
  socket: Socket | undefined
  refusal: Reply | undefined
  failure: Error | undefined
}

/** A dispatcher for one WebSocket that notes down how the server answers. */
function observed({ dispatcher, silenceMillis, now }: Way, handshake: Handshake): Dispatcher {
  return dispatcher.compose((dispatch) => (options, handler) => {
    const body: Buffer[] = []
    return dispatch(
      { ...options, headersTimeout: silenceMillis },
      {
        onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
        onRequestUpgrade(controller, status, headers, socket) {
          handshake.socket = socket as Socket
          handshake.socket.setKeepAlive?.(true, KEEP_ALIVE_MILLIS)
          handler.onRequestUpgrade?.(controller, status, headers, socket)
        },
        onResponseStart(_controller, status, headers) {
          const header = headers['retry-after']
          const retryAfter = retryAfterSeconds(Array.isArray(header) ? header[0] : header, now())
          handshake.refusal = { status, retryAfter, text: () => Promise.resolve(Buffer.concat(body).toString()) }
        },
        onResponseData: (_controller, chunk) => void body.push(chunk),
        // Only now, so that the server's words are complete.
        onResponseEnd: (controller) => handler.onResponseError?.(controller, new Error('refused')),
        onResponseError(controller, error) {
          handshake.failure = error
          handler.onResponseError?.(controller, error)
        },
      },
    )
  })
}

function headerPairs(headers: Readonly<Record<string, string | readonly string[]>>): [string, string][] {
  return Object.entries(headers).flatMap(([name, value]) =>
    (typeof value === 'string' ? [value] : value).map((one): [string, string] => [name, one]),
  )
}
