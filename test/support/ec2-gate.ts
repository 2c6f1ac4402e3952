import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

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

/** Asks `refusal` about each call; undefined lets it pass on to `endpoint`. */
export async function ec2Gate(endpoint: string, refusal: (call: Ec2Call) => Ec2Refusal | undefined): Promise<Ec2Gate> {
  const calls: Ec2Call[] = []
  const server = createServer((request, response) => {
    void passOn(request, response, { endpoint, refusal, calls }).catch(() => response.destroy())
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

async function passOn(
  request: IncomingMessage,
  response: ServerResponse,
  gate: { endpoint: string; refusal: (call: Ec2Call) => Ec2Refusal | undefined; calls: Ec2Call[] },
): Promise<void> {
  const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>))
  const parameters = new URLSearchParams(body.toString())
  const { authorization = '' } = request.headers
  const accessKey = /Credential=([^/]+)\//.exec(authorization)?.[1] ?? ''
  const call = { action: parameters.get('Action') ?? '', parameters, accessKey }
  gate.calls.push(call)
  const refused = gate.refusal(call)
  if (refused !== undefined) {
    const { code, status = 400 } = refused
    response.writeHead(status, { 'content-type': 'text/xml' })
    response.end(
      `<?xml version="1.0" encoding="UTF-8"?><Response><Errors><Error><Code>${code}</Code><Message>by the test</Message></Error></Errors><RequestID>r</RequestID></Response>`,
    )
    return
  }
  const headers = new Headers()
  for (const name of ['authorization', 'content-type', 'x-amz-date', 'x-amz-content-sha256']) {
    const value = request.headers[name]
    if (typeof value === 'string') headers.set(name, value)
  }
  const answer = await fetch(gate.endpoint + (request.url ?? '/'), { method: 'POST', headers, body })
  response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'text/xml' })
  response.end(Buffer.from(await answer.arrayBuffer()))
}
