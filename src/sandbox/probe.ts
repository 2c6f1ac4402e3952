import { readFile } from 'node:fs/promises'
import { Agent, request } from 'node:https'

/** Asks the servers of one sandbox whether they are ready. */
export interface Probe extends Disposable {
  /** Whether GET `path` on `port` of 127.0.0.1 answers 200; a refused connection or a late answer is no. */
  answers(port: number, path: string): Promise<boolean>
}

/** A probe that trusts `authorityFile` and shows the certificate of `client` (PEM files). */
export async function openProbe(authorityFile: string, client: { cert: string; key: string }): Promise<Probe> {
  const [ca, cert, key] = await Promise.all([authorityFile, client.cert, client.key].map((file) => readFile(file)))
  const agent = new Agent({ ca, cert, key, keepAlive: true })
  return {
    answers: (port, path) => answers(agent, port, path),
    [Symbol.dispose]: () => agent.destroy(),
  }
}

function answers(agent: Agent, port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const call = request({ agent, host: '127.0.0.1', port, path, timeout: 5000 }, (response) => {
      response.resume()
      response.once('close', () => resolve(response.statusCode === 200))
    })
    call.once('timeout', () => call.destroy(new Error('timeout')))
    call.once('error', () => resolve(false))
    call.end()
  })
}
