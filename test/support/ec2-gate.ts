import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Passage } from './tollgate.ts'

/** One call of the EC2 API on its way. */
export interface Ec2Call {
  /** `CreateSnapshot` */
  readonly action: string
  readonly parameters: URLSearchParams
  /** Whose key signed it. */
  readonly accessKey: string
}

/** An error of the EC2 API. */
export interface Ec2Refusal {
  readonly code: string
  /** HTTP; default 400. */
  readonly status?: number
}

/** A proxy on 127.0.0.1 before an EC2 server that answers some calls itself. */
export interface Ec2Gate extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  readonly endpoint: string
  /** All that came. */
  readonly calls: readonly Ec2Call[]
}

/** What decides about calls. */
export interface Ec2Rules {
  /** Asked about each call; undefined lets it pass on. */
  readonly refusal?: (call: Ec2Call) => Ec2Refusal | undefined
  /** Looks at each call twice, its path being `/?Action=…`; false: it goes no further. */
  readonly guard?: (passage: Passage) => boolean
}

/** Puts a gate before the EC2 server at `endpoint`. As EC2, and unlike moto, it heeds client tokens: a volume ordered twice is made once. */
export async function ec2Gate(endpoint: string, rules: Ec2Rules): Promise<Ec2Gate> {
  const calls: Ec2Call[] = []
  const ordered: Gate['ordered'] = new Map()
  const server = createServer((request, response) => {
    void passOn(request, response, { endpoint, rules, calls, ordered }).catch(() => response.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  return {
    endpoint: `http://127.0.0.1:${port}`,
    calls,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly body: Buffer
}

interface Gate {
  readonly endpoint: string
  readonly rules: Ec2Rules
  readonly calls: Ec2Call[]
  /** Volumes that were made, by the token of their order. */
  readonly ordered: Map<string, { order: string; answer: Answer }>
}

async function passOn(request: IncomingMessage, response: ServerResponse, gate: Gate): Promise<void> {
  const { refusal = () => undefined, guard = () => true } = gate.rules
  const order = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString()
  const parameters = new URLSearchParams(order)
  const action = parameters.get('Action') ?? ''
  const { authorization = '' } = request.headers
  const call = { action, parameters, accessKey: /Credential=([^/]+)\//.exec(authorization)?.[1] ?? '' }
  const passage = { method: 'POST', path: `/?Action=${action}` }
  gate.calls.push(call)
  if (!guard({ moment: 'arrived', ...passage })) return void request.socket.destroy()
  const refused = refusal(call)
  const answer = refused === undefined ? await answerTo(call, { request, order, gate }) : refusing(refused)
  if (!guard({ moment: 'answered', ...passage })) return void request.socket.destroy()
  response.writeHead(answer.status, { 'content-type': answer.type }).end(answer.body)
}

function refusing({ code, status = 400 }: Ec2Refusal): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error><Code>${code}</Code><Message>by the test</Message></Error></Errors><RequestID>r</RequestID></Response>`
  return { status, type: 'text/xml', body: Buffer.from(body) }
}

async function answerTo(
  { action, parameters }: Ec2Call,
  { request, order, gate }: { request: IncomingMessage; order: string; gate: Gate },
): Promise<Answer> {
  const token = action === 'CreateVolume' ? parameters.get('ClientToken') : null
  if (token === null) return await ask(request, order, gate)
  const earlier = gate.ordered.get(token)
  if (earlier !== undefined)
    return earlier.order === order ? earlier.answer : refusing({ code: 'IdempotentParameterMismatch' })
  const answer = await ask(request, order, gate)
  if (answer.status === 200) gate.ordered.set(token, { order, answer })
  return answer
}

async function ask(request: IncomingMessage, body: string, { endpoint }: Gate): Promise<Answer> {
  const headers = new Headers()
  for (const name of ['authorization', 'content-type', 'x-amz-date', 'x-amz-content-sha256']) {
    const value = request.headers[name]
    if (typeof value === 'string') headers.set(name, value)
  }
  const answer = await fetch(endpoint + (request.url ?? '/'), { method: 'POST', headers, body })
  const type = answer.headers.get('content-type') ?? 'text/xml'
  return { status: answer.status, type, body: Buffer.from(await answer.arrayBuffer()) }
}
