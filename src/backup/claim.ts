import { randomUUID } from 'node:crypto'
import { timestamp } from '#api/timestamp.ts'
import { findObject } from '#store/find.ts'
import { backupClaimKey, backupKey, backupPrefix } from '#store/layout.ts'
import type { ObjectStore } from '#store/store.ts'
import { isOfDeadProcess, processMark } from '#store/writer-process.ts'
import { BackupError } from './error.ts'

/** Who writes backups. */
export interface Writer {
  /** An installation, which never makes two backups of one name at once. Undefined for a process on its own. */
  readonly installation?: string | undefined
  /** Of the Backup that is made, or of the one whose files are in question. */
  readonly uid?: string | undefined
  readonly now: Date
}

/** What lies in the folder of a backup while a run writes there, so that nobody takes its files for leftovers. */
export interface BackupClaim {
  /** Differs for every run. */
  readonly run: string
  readonly process: string
  readonly installation?: string | undefined
  readonly uid?: string | undefined
  readonly since: string
}

/** Whether the files beside a claim are left alone. */
export type ClaimStanding = 'own' | 'dead' | 'alive'

/** A name that this run holds. */
export interface HeldName {
  /** How many objects of an interrupted run were deleted. */
  readonly cleared: number
  /** Whether the claim in the store is still this run's, somebody else's, or none. Rejects with StoreError. */
  state(): Promise<'held' | 'lost' | 'gone'>
  /** Gives the name up. Never rejects: beside a whole backup a claim means nothing, and without one it dies of age. */
  release(): Promise<void>
}

const DAY_MS = 24 * 3_600_000

/**
 * What a claim means to `writer`. Its own installation's, or one of the same Backup, was left by a run that ended without a word. Any other
 * counts as alive while its process is seen to be, or when nobody can see that, until the folder has not changed for a day. Pure but for the look at the process.
 */
export function claimStanding(
  claim: BackupClaim | 'unreadable',
  facts: { writer: Writer; lastChange: Date },
): ClaimStanding {
  const { writer, lastChange } = facts
  if (claim !== 'unreadable') {
    const { installation, uid } = claim
    if (installation !== undefined && installation === writer.installation) return 'own'
    if (uid !== undefined && uid === writer.uid) return 'own'
    if (isOfDeadProcess(claim.process)) return 'dead'
  }
  return writer.now.getTime() - lastChange.getTime() > DAY_MS ? 'dead' : 'alive'
}

/**
 * Makes the name of a backup this run's own, and its folder empty: what an interrupted run left there nobody takes for a backup, and it has to go first, since
 * objects are never overwritten. Rejects with 'name-taken' when there is a backup of that name, or somebody makes one; nothing of theirs is touched.
 */
export async function claimName(store: ObjectStore, name: string, writer: Writer): Promise<HeldName> {
  await assertFree(store, name)
  const standing = await standingOf(store, name, writer)
  if (standing === 'alive') throw beingMade(store, name)
  const key = backupClaimKey(name)
  if (standing !== undefined) await store.delete(key)
  const { installation, uid, now } = writer
  const claim: BackupClaim = { run: randomUUID(), process: processMark(), installation, uid, since: timestamp(now) }
  await store.put(key, Buffer.from(`${JSON.stringify(claim)}\n`))
  const held = heldName(store, name, claim.run)
  try {
    // Its maker may have ended between the first look and the claim.
    await assertFree(store, name)
    return { ...held, cleared: await clear(store, name) }
  } catch (error) {
    await held.release()
    throw error
  }
}

/** Takes away the claim on a backup that is whole: its run was killed before it could. Never rejects, since beside a marker a claim means nothing. */
export async function dropClaim(store: ObjectStore, name: string): Promise<void> {
  await store.delete(backupClaimKey(name)).catch(() => undefined)
}

/** Whose claim lies in the folder of `name`, to the eyes of `writer`; undefined when there is none. Rejects with StoreError. */
export async function standingOf(store: ObjectStore, name: string, writer: Writer): Promise<ClaimStanding | undefined> {
  const claim = await readClaim(store, name)
  if (claim === undefined) return undefined
  let lastChange = new Date(0)
  for await (const { modified } of store.list(backupPrefix(name))) if (modified > lastChange) lastChange = modified
  return claimStanding(claim, { writer, lastChange })
}

function heldName(store: ObjectStore, name: string, run: string): Omit<HeldName, 'cleared'> {
  const state: HeldName['state'] = async () => {
    const claim = await readClaim(store, name)
    if (claim === undefined) return 'gone'
    return claim !== 'unreadable' && claim.run === run ? 'held' : 'lost'
  }
  return {
    state,
    async release() {
      try {
        if ((await state()) === 'held') await store.delete(backupClaimKey(name))
      } catch {
        // See the contract.
      }
    },
  }
}

async function assertFree(store: ObjectStore, name: string): Promise<void> {
  if ((await store.head(backupKey(name, 'metadata'))) === undefined) return
  throw new BackupError(
    'name-taken',
    `backup already exists in object storage: ${name} in ${store.url}; choose another name or delete that backup`,
  )
}

function beingMade(store: ObjectStore, name: string): BackupError {
  return new BackupError(
    'name-taken',
    `somebody else is making a backup ${name} in ${store.url}, or was cut off less than a day ago: choose another name, or delete ${backupPrefix(name)} if nobody is`,
  )
}

async function clear(store: ObjectStore, name: string): Promise<number> {
  const claim = backupClaimKey(name)
  const keys = await Array.fromAsync(store.list(backupPrefix(name)), ({ key }) => key)
  const leftovers = keys.filter((key) => key !== claim)
  for (const key of leftovers) await store.delete(key)
  return leftovers.length
}

async function readClaim(store: ObjectStore, name: string): Promise<BackupClaim | 'unreadable' | undefined> {
  const bytes = await findObject(store, backupClaimKey(name))
  if (bytes === undefined) return undefined
  try {
    const claim = JSON.parse(Buffer.concat(await Array.fromAsync(bytes)).toString()) as Partial<BackupClaim> | null
    return typeof claim?.run === 'string' && typeof claim.process === 'string' ? (claim as BackupClaim) : 'unreadable'
  } catch (error) {
    if (error instanceof SyntaxError) return 'unreadable'
    throw error
  }
}
