// A program: the names of the folders below `backups/`, asked for by the barest calls and thrown away: one `readdir`, or page after page of one
// prefix over one connection. Arguments: kubeconfig (unused), and a directory, or an S3 server's endpoint, bucket and prefix.
import { readdir } from 'node:fs/promises'
import { ListObjectsV2Command, S3Client } from '@aws-sdk/client-s3'

// Whoever started this program shows the last lines of its output: the message must be among them.
Error.stackTraceLimit = 0

const [, place = '', bucket, prefix = ''] = process.argv.slice(2)
const count = bucket === undefined ? inDirectory : inBucket(bucket)
const began = performance.now()
const objects = await count()
console.log(JSON.stringify({ objects, seconds: (performance.now() - began) / 1000 }))

async function inDirectory(): Promise<number> {
  return (await readdir(`${place}/backups`, { withFileTypes: true })).length
}

function inBucket(name: string): () => Promise<number> {
  const client = new S3Client({ endpoint: place, forcePathStyle: true })
  return async () => {
    let found = 0
    let token: string | undefined
    do {
      const page = await client.send(
        new ListObjectsV2Command({
          Bucket: name,
          Prefix: `${prefix}/backups/`,
          Delimiter: '/',
          ...(token && { ContinuationToken: token }),
        }),
      )
      found += page.CommonPrefixes?.length ?? 0
      token = page.NextContinuationToken
    } while (token !== undefined)
    return found
  }
}
