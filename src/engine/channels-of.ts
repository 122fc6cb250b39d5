import { hostname } from 'node:os';
import { mailChannel } from '../alert/mail.ts';
import { webhookChannel } from '../alert/webhook.ts';
import type { NamedChannel } from './alert-channels.ts';
import type { Workshop } from './workshop.ts';

/** The channels of the configuration, each by its kind. */
export function channelsOf({
  options,
  clock,
  notices,
}: Pick<Workshop, 'options' | 'clock' | 'notices'>): NamedChannel[] {
  const instance = hostname();
  return options.alerts.channels.map(({ target, ...channel }) => ({
    options: channel,
    channel:
      target.kind === 'webhook'
        ? webhookChannel(target, instance, clock)
        : mailChannel(target, { instance, notices, clock }),
  }));
}

/** Everybody who gets alerts by mail. */
export const alertRecipients = ({ alerts }: Workshop['options']): readonly string[] =>
  alerts.channels.flatMap(({ target }) => (target.kind === 'mail' ? target.to : []));
