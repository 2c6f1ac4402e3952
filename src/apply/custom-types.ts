import { setTimeout as sleep } from 'node:timers/promises'
import type { KubeClient } from '#kube/client.ts'
import { type KubeObject, resourceName } from '#kube/object.ts'

/** Types that this run defines by creating their CustomResourceDefinition, and that the server does not serve at once. */
export interface CustomTypes {
  /** Starts to wait for the types that `definition` makes. */
  expect(definition: KubeObject): void
  /** Resolves when `resource` (`plural.group`) is served or is given up; undefined when nothing is to be waited for. */
  gate(resource: string): Promise<void> | undefined
  /** Why `resource` was given up; undefined when it was not. */
  problem(resource: string): string | undefined
}

export interface CustomTypeOptions {
  /** How long a type may take to be served, in milliseconds. */
  patience: number
  signal?: AbortSignal | undefined
}

const FIRST_POLL_MS = 50
const SLOWEST_POLL_MS = 1_000

interface Expected {
  deadline: number
  done: () => void
  gate: Promise<void>
}

/** `plural.group` that a CustomResourceDefinition makes: its own name. */
function definedResource(definition: KubeObject): string {
  return definition.metadata.name
}

/**
 * Waits for types by asking discovery, once for all of them: it shows a type only after its definition's names were
 * accepted and it was established, and that is what the objects need.
 */
export function customTypes(kube: KubeClient, { patience, signal }: CustomTypeOptions): CustomTypes {
  const expected = new Map<string, Expected>()
  const problems = new Map<string, string>()
  let looking = false

  const settle = (resource: string): void => {
    expected.get(resource)?.done()
    expected.delete(resource)
  }
  const giveUpLate = (): void => {
    for (const [resource, { deadline }] of expected) {
      if (Date.now() < deadline) continue
      problems.set(
        resource,
        `its CustomResourceDefinition was created, but is not established after ${Math.round(patience / 1_000)} s (kubectl get crd ${resource} -o yaml shows why)`,
      )
      settle(resource)
    }
  }
  const look = async (): Promise<void> => {
    for (let pause = FIRST_POLL_MS; expected.size > 0; pause = Math.min(pause * 2, SLOWEST_POLL_MS)) {
      await sleep(pause, undefined, { signal })
      const { types } = await kube.discover({ signal })
      for (const type of types) settle(resourceName(type))
      giveUpLate()
    }
  }
  const lookOnce = async (): Promise<void> => {
    if (looking) return
    looking = true
    try {
      await look()
    } catch {
      // Aborted or unreachable: whoever waits goes on and meets the same trouble, with its own name in the message.
      for (const resource of expected.keys()) settle(resource)
    } finally {
      looking = false
    }
  }

  return {
    expect(definition) {
      const resource = definedResource(definition)
      if (expected.has(resource)) return
      const { promise, resolve } = Promise.withResolvers<void>()
      expected.set(resource, { deadline: Date.now() + patience, done: resolve, gate: promise })
      void lookOnce()
    },
    gate: (resource) => expected.get(resource)?.gate,
    problem: (resource) => problems.get(resource),
  }
}
