import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { Agent } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { ensureAsset } from '#sandbox/assets.ts'
import { createAuthority, createServingCertificate, longValidity } from '#sandbox/certificate.ts'
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
  /** PEM of the authority behind its certificate; empty without TLS. */
  authority: string
}

const region = 'us-east-1'
const bucket = 'lifeboat-test'

/** The one key of minio's own key management. */
export const kmsKey = 'lifeboat-kms'

/**
 * Starts the server and makes its bucket; with `tls` it speaks https only, with a certificate of an authority of its own. `host` is another
 * address of this machine to listen on, such as the one at which pods of a sandbox reach it.
 */
export async function s3Server(
  kind: 'versitygw' | 'minio',
  { tls = false, host = '127.0.0.1' }: { tls?: boolean; host?: string } = {},
): Promise<S3Server> {
  const path = await ensureAsset(kind, { env: process.env, progress: plainProgress() })
  const home = await mkdtemp(join(tmpdir(), `lifeboat-${kind}-`))
  const directory = join(home, 'data')
  await mkdir(directory)
  const [port] = (await freePorts(1)) as [number]
  const credentials = { accessKeyId: randomBytes(10).toString('hex'), secretAccessKey: randomBytes(20).toString('hex') }
  const served = tls ? await certificates(home) : undefined
  const endpoint = `${served === undefined ? 'http' : 'https'}://${host}:${port}`
  const command = kind === 'minio' ? minio : versitygw
  const program = await startProgram({
    name: kind,
    path,
    logPath: join(home, 'log'),
    cwd: home,
    ...command({ host, port, directory, home, certificates: served?.folder, ...credentials }),
  })
  const stop = async () => {
    await program.kill()
    await rm(home, { recursive: true, force: true, maxRetries: 3 })
  }
  try {
    await makeBucket(program, { endpoint, credentials, authority: served?.authority })
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
    authority: served?.authority ?? '',
    [Symbol.asyncDispose]: stop,
  }
}

interface Credentials {
  accessKeyId: string
  secretAccessKey: string
}

type Command = Pick<ProgramOptions, 'args' | 'env'>

interface Place extends Credentials {
  host: string
  port: number
  directory: string
  home: string
  /** Folder with `public.crt` and `private.key`. */
  certificates: string | undefined
}

async function certificates(home: string): Promise<{ folder: string; authority: string }> {
  const validity = longValidity(new Date())
  const authority = await createAuthority('Authority of a test', validity)
  const pair = await createServingCertificate(authority, { commonName: 's3', hosts: ['127.0.0.1'], validity })
  const folder = join(home, 'certificates')
  await mkdir(folder)
  await writeFile(join(folder, 'public.crt'), pair.cert)
  await writeFile(join(folder, 'private.key'), pair.key, { mode: 0o600 })
  return { folder, authority: authority.cert }
}

function versitygw({ host, port, directory, home, certificates: folder, ...given }: Place): Command {
  const tls = folder ? ['--cert', join(folder, 'public.crt'), '--key', join(folder, 'private.key')] : []
  return {
    args: ['--port', `${host}:${port}`, '--region', region, '--quiet', '--iam-dir', home, ...tls, 'posix', directory],
    env: { ROOT_ACCESS_KEY: given.accessKeyId, ROOT_SECRET_KEY: given.secretAccessKey },
  }
}

function minio(given: Place): Command {
  const tls = given.certificates ? ['--certs-dir', given.certificates] : []
  return {
    args: ['server', '--quiet', ...tls, '--address', `${given.host}:${given.port}`, given.directory],
    env: {
      HOME: given.home,
      MINIO_ROOT_USER: given.accessKeyId,
      MINIO_ROOT_PASSWORD: given.secretAccessKey,
      // Its console would listen on every address.
      MINIO_BROWSER: 'off',
      MINIO_UPDATE: 'off',
      // A key management of its own, for server-side encryption.
      MINIO_KMS_SECRET_KEY: `${kmsKey}:${Buffer.alloc(32, 'k').toString('base64')}`,
    },
  }
}

async function makeBucket(
  program: RunningProgram,
  { endpoint, credentials, authority }: { endpoint: string; credentials: Credentials; authority: string | undefined },
): Promise<void> {
  const requestHandler = authority === undefined ? {} : { requestHandler: { httpsAgent: new Agent({ ca: authority }) } }
  const client = new S3Client({
    endpoint,
    region,
    forcePathStyle: true,
    credentials,
    maxAttempts: 1,
    ...requestHandler,
  })
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
