import { z } from 'zod'
import { fields, flag, text, textMap, texts, timestamp } from './fields.ts'
import type { CustomObject, Kind } from './kind.ts'
import { defineKind } from './kind.ts'

/** What a Notification may tell of. */
export const notificationEvents = ['Failed', 'PartiallyFailed', 'Recovered', 'Overdue'] as const

/** One of `notificationEvents`. */
export type NotificationEvent = (typeof notificationEvents)[number]

/** A key of a Secret in the same namespace. */
export const secretKey = fields({ name: z.string(), key: z.string() })

/** Where a webhook is, and what it wants to hear. */
export const webhook = fields({
  url: text,
  urlSecret: secretKey.optional(),
  format: z.enum(['json', 'slack', 'teams']).optional(),
  template: text,
  headers: textMap,
  authorizationSecret: secretKey.optional(),
})

/** Who gets mail, and which server takes it. */
export const email = fields({
  host: z.string(),
  port: z.int().optional(),
  security: z.enum(['starttls', 'tls', 'none']).optional(),
  from: z.string(),
  to: z.array(z.string()),
  credentialsSecret: fields({ name: z.string() }).optional(),
  caSecret: secretKey.optional(),
})

/** `spec` of a Notification. */
export const notificationSpec = fields({
  events: z.array(z.enum(notificationEvents)).optional(),
  schedules: texts,
  restores: flag,
  noGoodBackupFor: text,
  repeatAfter: text,
  clusterName: text,
  paused: flag,
  webhook: webhook.optional(),
  email: email.optional(),
})

/** One of Kubernetes' usual conditions. */
export const condition = fields({
  type: z.string(),
  status: z.enum(['True', 'False', 'Unknown']),
  reason: z.string(),
  message: z.string(),
  lastTransitionTime: z.iso.datetime({ offset: true }),
})

/** `status` of a Notification. */
export const notificationStatus = fields({
  lastSent: timestamp,
  lastMessage: text,
  lastError: text,
  overdue: textMap,
  conditions: z.array(condition).optional(),
})

/** What is to be told, and to whom. Exactly one of `webhook` and `email` is there in a valid one. */
export type NotificationSpec = z.output<typeof notificationSpec>

/** What was told last, and what keeps it from being told. `overdue`: schedule → when it was last told that it is overdue. */
export type NotificationStatus = z.output<typeof notificationStatus>

/** One condition of a status. */
export type Condition = z.output<typeof condition>

/** A webhook as a Notification names it. */
export type WebhookSpec = z.output<typeof webhook>

/** A mailbox as a Notification names it. */
export type EmailSpec = z.output<typeof email>

/** Tells people about backups and restores. Ours: Velero has no such kind. */
export type Notification = CustomObject<NotificationSpec, NotificationStatus>

/** The type of Notification objects. */
export const Notifications: Kind<Notification> = defineKind({
  group: 'lifeboat.dev',
  version: 'v1alpha1',
  kind: 'Notification',
  plural: 'notifications',
  columns: [
    { name: 'Ready', jsonPath: '.status.conditions[?(@.type=="Ready")].status', type: 'string' },
    { name: 'Delivered', jsonPath: '.status.conditions[?(@.type=="Delivered")].status', type: 'string' },
    { name: 'LastSent', jsonPath: '.status.lastSent', type: 'date' },
    { name: 'Age', jsonPath: '.metadata.creationTimestamp', type: 'date' },
  ],
  spec: notificationSpec,
  status: notificationStatus,
})
