import { KubeError } from '#kube/error.ts'

/** Waits for a change or deletion of something that may be gone: a conflict says that its name belongs to another one by now. */
export async function unlessGone(work: Promise<unknown>): Promise<void> {
  try {
    await work
  } catch (error) {
    if (error instanceof KubeError && (error.problem === 'not-found' || error.problem === 'conflict')) return
    throw error
  }
}
