import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3'
import { ensureAsset } from '#sandbox/assets.ts'
import { plainProgress } from './plain-progress.ts'
import type { S3Server } from './s3-server.ts'

/** A policy of IAM, as far as we write one: whose it is, is not said. */
export interface IamPolicy {
  readonly Version: string
  readonly Statement: readonly {
    readonly Effect: string
    readonly Action: readonly string[]
    readonly Resource: string
  }[]
}

/** The credentials of a new user of a versitygw, who may do to its bucket what `policy` says of the bucket `BUCKET`, and nothing else. */
export async function limitedUser(s3: S3Server, policy: IamPolicy): Promise<S3Server['env']> {
  const [access, secret] = [randomBytes(10).toString('hex'), randomBytes(20).toString('hex')]
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = s3.env
  const versitygw = await ensureAsset('versitygw', { env: process.env, progress: plainProgress() })
  const root = [
    '--access',
    accessKeyId,
    '--secret',
    secretAccessKey,
    '--region',
    s3.region,
    '--endpoint-url',
    s3.endpoint,
  ]
  const user = ['create-user', '--access', access, '--secret', secret, '--role', 'user']
  await promisify(execFile)(versitygw, ['admin', ...root, ...user])
  const Statement = policy.Statement.map(({ Resource, ...statement }) => ({
    ...statement,
    Principal: { AWS: [access] },
    Resource: Resource.replace('BUCKET', s3.bucket),
  }))
  const client = new S3Client({
    endpoint: s3.endpoint,
    region: s3.region,
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  })
  const document = JSON.stringify({ Version: policy.Version, Statement })
  await client.send(new PutBucketPolicyCommand({ Bucket: s3.bucket, Policy: document }))
  client.destroy()
  return { AWS_ACCESS_KEY_ID: access, AWS_SECRET_ACCESS_KEY: secret, AWS_REGION: s3.region }
}
