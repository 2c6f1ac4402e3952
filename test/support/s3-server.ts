import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { ensureAsset } from '#sandbox/assets.ts'
import { freePorts } from '#sandbox/free-port.ts'
import { lastWords, startProgram, type ProgramOptions, type RunningProgram } from '#sandbox/program.ts'
import { plainProgress } from './plain-progress.ts'

/** A real S3 server on 127.0.0.1 with one bucket; it ends when disposed, or with this process. */
export interface S3Server extends AsyncDisposable {
  /** `http://127.0.0.1:port` */
  endpoint: string
  region: string
  bucket: string
  /** For `openStore` and `--store`: `s3://bucket/prefix?endpoint=…`. */
  url: string
  /** The credentials, as the AWS SDK reads them from the environment. */
  env: { AWS_ACCESS_KEY_ID: string; AWS_SECRET_ACCESS_KEY: string; AWS_REGION: string }
  /** Folder in which the server keeps its data. */
  directory: string
}

const region = 'us-east-1'
const bucket = 'lifeboat-test'

/** Starts the server and makes its bucket. */
export async function s3Server(kind: 'versitygw' | 'minio'): Promise<S3Server> {
  const path = await ensureAsset(kind, { env: process.env, progress: plainProgress() })
  const home = await mkdtemp(join(tmpdir(), `lifeboat-${kind}-`))
  const directory = join(home, 'data')
  await mkdir(directory)
  const [port] = (await freePorts(1)) as [number]
  const credentials = { accessKeyId: randomBytes(10).toString('hex'), secretAccessKey: randomBytes(20).toString('hex') }
  const endpoint = `http://127.0.0.1:${port}`
  const command = kind === 'minio' ? minio : versitygw
  const program = await startProgram({
    name: kind,
    path,
    logPath: join(home, 'log'),
    cwd: home,
    ...command({ port, directory, home, ...credentials }),
  })
  const stop = async () => {
    await program.kill()
    await rm(home, { recursive: true, force: true, maxRetries: 3 })
  }
  try {
    await makeBucket(program, { endpoint, credentials })
  } catch (error) {
    await stop()
    throw error
  }
  return {
    endpoint,
    region,
    bucket,
    url: `s3://${bucket}/prefix?endpoint=${endpoint}&region=${region}&pathStyle=true`,
    env: {
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      AWS_REGION: region,
    },
    directory,
    [Symbol.asyncDispose]: stop,
  }
}

interface Credentials {
  accessKeyId: string
  secretAccessKey: string
}

type Command = Pick<ProgramOptions, 'args' | 'env'>

function versitygw({ port, directory, ...given }: Credentials & { port: number; directory: string }): Command {
  return {
    args: ['--port', `127.0.0.1:${port}`, '--region', region, '--quiet', 'posix', directory],
    env: { ROOT_ACCESS_KEY: given.accessKeyId, ROOT_SECRET_KEY: given.secretAccessKey },
  }
}

function minio(given: Credentials & { port: number; directory: string; home: string }): Command {
  return {
    args: ['server', '--quiet', '--address', `127.0.0.1:${given.port}`, given.directory],
    env: {
      HOME: given.home,
      MINIO_ROOT_USER: given.accessKeyId,
      MINIO_ROOT_PASSWORD: given.secretAccessKey,
      // Its console would listen on every address.
      MINIO_BROWSER: 'off',
      MINIO_UPDATE: 'off',
    },
  }
}

async function makeBucket(
  program: RunningProgram,
  { endpoint, credentials }: { endpoint: string; credentials: Credentials },
): Promise<void> {
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials, maxAttempts: 1 })
  const deadline = performance.now() + 60_000
  let dead: string | undefined
  void program.ended.then((how) => (dead = how))
  try {
    for (;;) {
      try {
        await client.send(new CreateBucketCommand({ Bucket: bucket }))
        return
      } catch (error) {
        if (dead !== undefined) throw new Error(await lastWords(program, dead), { cause: error })
        if (performance.now() > deadline) throw error
        await sleep(50)
      }
    }
  } finally {
    client.destroy()
  }
}
