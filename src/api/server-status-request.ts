import { z } from 'zod'
import { fields, text, timestamp } from './fields.ts'
import type { CustomObject, Kind } from './kind.ts'
import { defineKind } from './kind.ts'

/** `spec` of a ServerStatusRequest: nothing needs to be said. */
export const serverStatusRequestSpec = fields({})

/** `status` of a ServerStatusRequest. */
export const serverStatusRequestStatus = fields({
  phase: z.enum(['New', 'Processed']).optional(),
  processedTimestamp: timestamp,
  serverVersion: text,
  plugins: z.array(fields({ name: z.string(), kind: z.string() })).nullish(),
})

/** What is asked of the server: always the same. */
export type ServerStatusRequestSpec = z.output<typeof serverStatusRequestSpec>

/** What the server answered, and when. */
export type ServerStatusRequestStatus = z.output<typeof serverStatusRequestStatus>

/** Asks the server for its version and plugins. */
export type ServerStatusRequest = CustomObject<ServerStatusRequestSpec, ServerStatusRequestStatus>

/** The type of ServerStatusRequest objects. */
export const ServerStatusRequests: Kind<ServerStatusRequest> = defineKind({
  version: 'v1',
  kind: 'ServerStatusRequest',
  plural: 'serverstatusrequests',
  shortNames: ['ssr'],
  spec: serverStatusRequestSpec,
  status: serverStatusRequestStatus,
})
