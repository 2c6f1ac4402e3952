import { UserError } from './exit.ts'

/** The body behind a pre-signed URL; undefined when there is nothing (404). The URL itself is a secret and stays out of messages. */
export async function fetchUrl(
  url: string,
  options: { signal: AbortSignal },
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const { host } = new URL(url)
  const answer = await fetch(url, options).catch((error: unknown) => {
    options.signal.throwIfAborted()
    throw new UserError(
      `cannot reach ${host}, which the server named for the download; is it reachable from this machine?`,
      { cause: error },
    )
  })
  if (answer.status === 404) {
    await answer.body?.cancel()
    return undefined
  }
  if (!answer.ok || answer.body === null) {
    throw new UserError(`download from ${host} failed: HTTP ${answer.status} ${(await answer.text()).slice(0, 300)}`)
  }
  return answer.body
}
