// A program: creates objects from a file as fast as 64 connections can, knowing nothing of what it creates. Arguments: kubeconfig and
// file; each line of the file is a group of objects, which must be there before the next one: `[{ path, body }]`.
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { bareApi } from './api-server.ts'
import type { PreparedObject } from './prepared-objects.ts'

// Whoever started this program shows the last lines of its output: the message must be among them.
Error.stackTraceLimit = 0

const CONNECTIONS = 64
const [kubeconfigPath = '', file = ''] = process.argv.slice(2)
const groups = (await readFile(file, 'utf8'))
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as PreparedObject[])
await using api = await bareApi(kubeconfigPath, CONNECTIONS)
const began = performance.now()
let objects = 0
for (const group of groups) {
  const waiting = group.values()
  const worker = async (): Promise<void> => {
    for (const object of waiting) {
      await create(object)
      objects += 1
    }
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, worker))
}
console.log(JSON.stringify({ objects, seconds: (performance.now() - began) / 1000 }))

async function create({ path, body }: PreparedObject): Promise<void> {
  const deadline = performance.now() + 30_000
  for (;;) {
    // 404: a custom type that is not served yet. 409: a controller was faster.
    const late = performance.now() > deadline
    const { status } = await api.request(path, { method: 'POST', body, accepted: late ? [201, 409] : [201, 404, 409] })
    if (status !== 404) return
    await sleep(50)
  }
}
