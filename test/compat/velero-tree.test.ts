// Velero's own client goes through its command tree in front of real Velero and in front of our server, and the answers are compared.
import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { openArchive } from '#archive/open.ts'
import { parseJson } from '#kube/json.ts'
import { scratchFolder } from '../support/cli.ts'
import { ownCluster } from '../support/cluster.ts'
import { s3Server, type S3Server } from '../support/s3-server.ts'
import { eventually } from '../support/server.ts'
import { veleroTimeout } from './velero-site.ts'
import { openTreeSite, type Host, type TreeSite } from './velero-tree.ts'
import { lastSteps, placeSteps, treeSteps, type TreeStep } from './velero-tree-steps.ts'

/** Blanks within an argument are written `_` there. */
const spelled = ({ args }: TreeStep): string[] => args.map((arg) => arg.replaceAll('_', ' '))

/** What the step said at last. */
async function answerTo(step: TreeStep, { client }: TreeSite): Promise<string> {
  const once = async (): Promise<string> => {
    const answer = client(...spelled(step))
    if (step.fails !== true) return await answer
    return await answer.then(
      (said) => assert.fail(`it did not fail: ${said}`),
      (error: Error) => /(?<=\n {2}An error occurred: ).*/.exec(error.message)?.[0] ?? error.message,
    )
  }
  const { until } = step
  if (until === undefined) return await once()
  let last = ''
  const fitting = async (): Promise<string | undefined> => {
    last = await once().catch((error: unknown) => String(error))
    return until.test(last) ? last : undefined
  }
  return await eventually(fitting, 120).catch((error: unknown) => assert.fail(`${String(error)}; last:\n${last}`))
}

interface Told {
  readonly step: TreeStep
  readonly answer: unknown
}

/** Goes through all steps, whatever comes of them. */
async function tell(site: TreeSite, steps: readonly TreeStep[], words: Record<string, string>): Promise<Told[]> {
  const told: Told[] = []
  for (const step of steps) {
    const answer = await answerTo(step, site).then(
      (said) => step.reads(said, words),
      (error: unknown) => ({ failed: String(error) }),
    )
    told.push({ step, answer })
  }
  return told
}

/** What the client was told, and the paths in the archives that it downloaded. */
interface Story {
  readonly tree: Told[]
  readonly last: Told[]
  /** By the name of the backup there. */
  readonly places: Readonly<Record<string, Told[]>>
  readonly archives: Readonly<Record<string, string[]>>
}

interface Setting {
  readonly s3: S3Server
  /** The keys of each by the name of their Secret. */
  readonly keys: Readonly<Record<string, S3Server>>
  /** Flags of locations by the name of the backup that is made there. */
  readonly places: Readonly<Record<string, string>>
  readonly signal: AbortSignal
}

async function story(host: Host, { s3, keys, places, signal }: Setting): Promise<Story> {
  await using cluster = await ownCluster()
  await using folder = await scratchFolder()
  await using site = await openTreeSite(host, cluster, { keys, directory: folder.path, signal })
  const words = { [s3.endpoint]: 'ENDPOINT', [`by-${host}`]: 'PREFIX' }
  const tree = await tell(site, treeSteps({ flags: s3Flags(s3, `by-${host}`) }), words)
  const told: Record<string, Told[]> = {}
  for (const [name, flags] of Object.entries(places)) {
    told[name] = await tell(site, placeSteps(name, { flags }), { [name]: 'NAME' })
  }
  const last = await tell(site, lastSteps, words)
  const archives: Record<string, string[]> = {}
  for (const name of ['first', ...Object.keys(places)]) {
    archives[name] = await pathsIn(join(site.directory, `${name}.tar.gz`))
  }
  return { tree, last, places: told, archives }
}

function s3Flags({ bucket, endpoint, region }: S3Server, prefix: string, secret = 'keys'): string {
  const config = `region=${region},s3Url=${endpoint},s3ForcePathStyle=true`
  return `--provider aws --bucket ${bucket} --prefix ${prefix} --config ${config} --credential ${secret}=cloud`
}

async function pathsIn(file: string): Promise<string[]> {
  await using archive = await openArchive(createReadStream(file), { spoolDir: tmpdir(), parse: parseJson })
  return [...archive.entries()].map(({ path }) => path).toSorted()
}

async function assertSame(t: TestContext, ours: readonly Told[] = [], theirs: readonly Told[] = []): Promise<void> {
  assert.equal(ours.length, theirs.length)
  for (const [at, { step, answer }] of theirs.entries()) {
    await t.test(step.args.slice(0, 3).join(' '), () => {
      assert.ok(typeof answer !== 'object' || !Object.hasOwn(answer ?? {}, 'failed'), JSON.stringify(answer))
      assert.deepEqual(ours[at]?.answer, answer)
    })
  }
}

test(
  'the velero client gets the same answers from our server as from its own',
  { timeout: veleroTimeout },
  async (t) => {
    await using s3 = await s3Server('versitygw')
    await using minio = await s3Server('minio')
    await using folder = await scratchFolder()
    const { signal } = t
    const theirs = await story('velero', {
      s3,
      signal,
      keys: { keys: s3 },
      places: { vessel: s3Flags(s3, 'of-velero') },
    })
    const places = {
      barge: s3Flags(s3, 'of-lifeboat'),
      dinghy: s3Flags(minio, 'of-lifeboat', 'more-keys'),
      kayak: `--provider lifeboat.dev/file --bucket any --config path=${join(folder.path, 'store')}`,
    }
    const ours = await story('lifeboat', { s3, signal, keys: { keys: s3, 'more-keys': minio }, places })
    await assertSame(t, ours.tree, theirs.tree)
    assert.deepEqual(ours.archives['first'], theirs.archives['first'])
    for (const name of Object.keys(places)) {
      await t.test(`a backup in the location of ${name}`, async (place) => {
        await assertSame(place, ours.places[name], theirs.places['vessel'])
        assert.deepEqual(ours.archives[name], theirs.archives['vessel'])
      })
    }
    await assertSame(t, ours.last, theirs.last)
  },
)
