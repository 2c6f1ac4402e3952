import { createServer } from 'node:net'

/** `count` different TCP ports on 127.0.0.1 that were free a moment ago; another program may still take one first. */
export async function freePorts(count: number): Promise<number[]> {
  // All are held open until the last is found, so that no port comes twice.
  const servers = await Promise.all(Array.from({ length: count }, () => listen(0)))
  const ports = servers.map((server) => server.port)
  await Promise.all(servers.map((server) => server.close()))
  return ports
}

/** Whether nobody listens on `port` of 127.0.0.1 now. */
export async function isFree(port: number): Promise<boolean> {
  try {
    await (await listen(port)).close()
    return true
  } catch {
    return false
  }
}

function listen(port: number): Promise<{ port: number; close: () => Promise<void> }> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
      const address = server.address()
      if (address === null || typeof address === 'string') return reject(new Error('no TCP address'))
      resolve({ port: address.port, close: () => new Promise((done) => server.close(() => done())) })
    })
  })
}
