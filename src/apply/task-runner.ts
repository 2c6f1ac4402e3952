import { type Target, applyTask, leftAlone, outcomeOf } from './apply-task.ts'
import { restoreFailure } from './create-object.ts'
import type { Outcome } from './outcome.ts'
import type { Prepared, Task } from './task.ts'

/** The tasks of a run. Every task is done once, whoever asks for it first. */
export interface TaskRunner {
  /** What came about: the task's own outcome, those of related tasks that it started, a namespace made on demand. Empty when the task was done before. */
  run(task: Task): Promise<Outcome[]>
}

const done = Promise.resolve()

/** Rejections of `run` end the restore; what one object meets is in its outcome. */
export function taskRunner(target: Target): TaskRunner {
  const started = new Map<Task, Promise<unknown>>()
  const waitsFor = new Map<Task, Task>()

  const isWaitedForBy = (task: Task, other: Task): boolean => {
    let next: Task | undefined = other
    while (next !== undefined && next !== task) next = waitsFor.get(next)
    return next === task
  }
  /** Has `related` done before `task` goes on; gives its outcomes when nobody else does. */
  const runBefore = async (task: Task, related: Task): Promise<Outcome[]> => {
    const underWay = started.get(related)
    // Two objects may ask for each other: the later one then does not wait.
    if (underWay !== undefined && isWaitedForBy(task, related)) return []
    waitsFor.set(task, related)
    try {
      if (underWay === undefined) return await run(related)
      await underWay
      return []
    } finally {
      waitsFor.delete(task)
    }
  }
  const work = async (task: Task): Promise<Outcome[]> => {
    const prepared = await prepare(task)
    if (prepared.do === 'leave') return [leftAlone(task, prepared)]
    if (prepared.do === 'fail') {
      const remarks = [{ severity: 'error' as const, message: restoreFailure(task.resource, task, prepared.reason) }]
      const { apiVersion, kind } = prepared.failed ?? {}
      const failed = outcomeOf(task, undefined, { action: 'failed', remarks })
      return [apiVersion && kind ? { ...failed, kind: { apiVersion, kind } } : failed]
    }
    const outcomes: Outcome[] = []
    for (const related of prepared.related) outcomes.push(...(await runBefore(task, related)))
    const remarks = [...prepared.remarks, ...((await prepared.ready?.()) ?? [])]
    outcomes.push(...(await applyTask(task, { ...prepared, remarks }, target)))
    return outcomes
  }
  const run = (task: Task): Promise<Outcome[]> => {
    if (started.has(task)) return Promise.resolve([])
    const working = work(task).then((outcomes) => {
      // Outcomes are many, and nobody asks a second time.
      started.set(task, done)
      return outcomes
    })
    started.set(task, working)
    return working
  }
  return { run }
}

async function prepare(task: Task): Promise<Prepared | { do: 'fail'; failed?: undefined; reason: string }> {
  try {
    return await task.prepare()
  } catch (error) {
    if (!(error instanceof Error) || error.name === 'AbortError') throw error
    return { do: 'fail', reason: error.message }
  }
}
