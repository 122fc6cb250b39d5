import type { AlertKind } from '../../streams/alert.ts';
import { withoutBrackets } from './address.ts';
import type { EngineConfig } from './engine.schema.ts';
import type { Secret } from './secret.ts';

/** Where alerts are sent, with every default filled in. */
export interface ChannelOptions {
  readonly name: string;
  /** Null: of every kind. */
  readonly kinds: readonly AlertKind[] | null;
  readonly escalation: boolean;
  readonly target: WebhookTarget | MailTarget;
}
/** A mail server that is sent to. */
export interface SmtpClientOptions {
  readonly host: string;
  readonly port: number;
  readonly security: 'tls' | 'starttls' | 'none';
  readonly login: { readonly user: string; readonly password: Secret } | null;
}
export interface WebhookTarget {
  readonly kind: 'webhook';
  readonly url: string;
  readonly secret: Secret;
}
export interface MailTarget extends SmtpClientOptions {
  readonly kind: 'mail';
  readonly from: string;
  readonly to: readonly string[];
}

/** What is usual where no port is named. */
export const smtpPorts = { tls: 465, starttls: 587, none: 25 } as const;

/** @throws Error for a channel that the rules of the document would have refused */
export function toChannelOptions(channel: EngineConfig['alerts']['channels'][number]): ChannelOptions {
  const { name, kinds, escalation } = channel;
  const target = channel.kind === 'webhook' ? toWebhook(channel) : toMail(channel);
  return { name, kinds: kinds ?? null, escalation, target };
}

type Channel = Parameters<typeof toChannelOptions>[0];

function toWebhook({ name, url, secret }: Channel): WebhookTarget {
  if (url === undefined || secret === undefined) throw new Error(`the channel ${name} is not whole`);
  return { kind: 'webhook', url, secret };
}

function toMail(channel: Channel): MailTarget {
  const { name, host, from, to, security = 'starttls', port, user, password } = channel;
  if (host === undefined || from === undefined || to === undefined) throw new Error(`the channel ${name} is not whole`);
  return {
    kind: 'mail',
    host: withoutBrackets(host),
    port: port ?? smtpPorts[security],
    security,
    login: user === undefined || password === undefined ? null : { user, password },
    from,
    to,
  };
}
