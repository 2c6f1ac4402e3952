import { randomUUID } from 'node:crypto'
import type { EmailSpec, Notification, WebhookSpec } from '#api/notification.ts'
import { NotifyError } from '#notify/error.ts'
import { mailOf } from '#notify/mail.ts'
import type { Message } from '#notify/message.ts'
import { sendMail } from '#notify/smtp.ts'
import { callWebhook, webhookCall } from '#notify/webhook.ts'
import type { Environment } from '#runtime/controller.ts'
import { secretBytes, type SecretReference } from './location-secret.ts'

/** Sends `message` the way the Notification says, with what its Secrets hold. Resolves to a remark on what did not go well all the same, empty for none. Rejects with NotifyError, KubeError, or StoreError 'invalid' when a Secret is not there. */
export async function sendMessage(message: Message, { spec }: Notification, environment: Environment): Promise<string> {
  if (spec.webhook !== undefined) return await toWebhook(message, spec.webhook, environment)
  if (spec.email !== undefined) return await byMail(message, spec.email, environment)
  throw new NotifyError('invalid', 'spec needs exactly one of webhook and email')
}

async function toWebhook(message: Message, spec: WebhookSpec, environment: Environment): Promise<string> {
  const { urlSecret, authorizationSecret } = spec
  const url = spec.url ?? (urlSecret && (await secretText(urlSecret, environment))) ?? ''
  const authorization = authorizationSecret && (await secretText(authorizationSecret, environment))
  await callWebhook(
    webhookCall(message, spec, { url: url.trim(), authorization: authorization?.trim() }),
    environment.signal,
  )
  return ''
}

const usualPorts = { starttls: 587, tls: 465, none: 25 }

async function byMail(message: Message, spec: EmailSpec, environment: Environment): Promise<string> {
  const { host, security = 'starttls', from, to, credentialsSecret, caSecret } = spec
  const credentials =
    credentialsSecret === undefined
      ? undefined
      : {
          username: await secretText({ ...credentialsSecret, key: 'username' }, environment),
          password: await secretText({ ...credentialsSecret, key: 'password' }, environment),
        }
  const ca = caSecret && (await secretText(caSecret, environment))
  const server = { host, port: spec.port ?? usualPorts[security], security, credentials, ca }
  const refused = await sendMail(mailOf(message, { from, to, id: randomUUID() }), server, environment.signal)
  return refused.length === 0 ? '' : `the mail server did not take ${refused.join(', ')}`
}

async function secretText(reference: SecretReference, { kube, namespace }: Environment): Promise<string> {
  return (await secretBytes(kube, { namespace, what: 'the spec', reference })).toString()
}
