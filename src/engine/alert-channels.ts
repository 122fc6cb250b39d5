import type { Observable, SchedulerLike } from 'rxjs';
import type { Alert } from '../../streams/alert.ts';
import { messageOf } from '../../streams/failure.ts';
import type { EventDraft } from '../../streams/ports.ts';
import type { Channel } from '../alert/channel.ts';
import type { ChannelOptions } from '../config/alert-options.ts';
import type { Status } from '../http/status.schema.ts';
import { isoTime } from '../time-words.ts';
import { alertLine, type Delivered } from './alert-line.ts';
import { engineEvent } from './definition-events.ts';

/** For each channel, up to which version it was told of an alert. Plain JSON. */
export type Told = Readonly<Record<string, Readonly<Record<string, number>>>>;

export interface NamedChannel {
  readonly options: Pick<ChannelOptions, 'name' | 'kinds' | 'escalation'>;
  readonly channel: Channel;
}

export interface ChannelsParts {
  readonly channels: readonly NamedChannel[];
  /** Every alert that is kept, as it is now. */
  readonly alerts: () => readonly Alert[];
  readonly told: Told;
  /** False: another engine sends what there is to say. Absent: always. */
  readonly isMine?: () => boolean;
  /** Told of what should be kept. */
  readonly changed: (told: Told) => void;
  readonly wake$: Observable<unknown>;
  readonly note: (draft: EventDraft) => void;
  readonly clock: SchedulerLike;
}

/** What is known of one channel. */
export interface ChannelStanding {
  readonly name: string;
  readonly sent: number;
  readonly failed: number;
  /** Epoch ms. */
  readonly failingSince: number | null;
}
export interface Channels extends AsyncDisposable {
  standings(): readonly ChannelStanding[];
  warnings(): Status['warnings'];
  /** Goes on from what another engine has sent. */
  adopt(told: Told): void;
  /** Sends a test through one channel, or all; undefined where none has this name. */
  test(name: string | undefined): Promise<readonly Tested[] | undefined>;
}
export interface Tested {
  readonly channel: string;
  readonly ok: boolean;
  readonly detail: string | null;
}

/** True where this channel is to hear of the alert: by its kind, and before or after it is escalated. */
export const concerns = ({ kinds, escalation }: NamedChannel['options'], alert: Alert): boolean =>
  (kinds === null || kinds.includes(alert.kind)) && (!escalation || alert.escalatedAt !== null);

/** A line for each channel: one that fails holds up no other, and no mail. */
export function openChannels(parts: ChannelsParts): Channels {
  const { channels, alerts, note, clock, wake$, isMine = () => true } = parts;
  const ending = new AbortController();
  const { signal } = ending;
  const under = new Set<Promise<void>>();
  const tracked = (work: Promise<void>): Promise<void> => {
    under.add(work);
    const done = (): void => void under.delete(work);
    work.then(done, done);
    return work;
  };
  const versionsIn = (from: Told): Map<string, Map<string, number>> =>
    new Map(channels.map(({ options: { name } }) => [name, new Map(Object.entries(from[name] ?? {}))]));
  let told = versionsIn(parts.told);
  const standings = new Map(channels.map(({ options: { name } }) => [name, new Standing(name)]));
  const pendingOf = ({ options }: NamedChannel): readonly Alert[] => {
    if (!isMine()) return [];
    const known = told.get(options.name);
    return alerts().filter((alert) => concerns(options, alert) && (known?.get(alert.id) ?? 0) < alert.version);
  };
  const hear = (name: string, delivered: Delivered): void => {
    const standing = standings.get(name);
    const draft = standing?.hear(delivered) ?? null;
    if (draft !== null) note(draft);
    if (delivered.kind === 'failed') return;
    const known = told.get(name);
    for (const { id, version } of delivered.alerts) known?.set(id, version);
    const kept = new Set(alerts().map(({ id }) => id));
    for (const id of known?.keys() ?? []) if (!kept.has(id)) known?.delete(id);
    parts.changed(Object.fromEntries([...told].map(([each, versions]) => [each, Object.fromEntries(versions)])));
  };
  const lines = channels.map((each) => {
    const { gatherMs, restMs, most } = each.channel;
    const send = (pending: readonly Alert[]): Promise<void> => tracked(each.channel.send(pending, { signal }));
    return alertLine({ pending: () => pendingOf(each), send, wake$, gatherMs, restMs, most, clock }).subscribe(
      (delivered) => hear(each.options.name, delivered),
    );
  });
  const testOne = async ({ options: { name }, channel }: NamedChannel): Promise<Tested> => {
    try {
      await tracked(channel.test({ signal }));
      return { channel: name, ok: true, detail: null };
    } catch (error) {
      return { channel: name, ok: false, detail: messageOf(error) };
    }
  };
  return {
    standings: () => [...standings.values()].map((standing) => standing.shown()),
    warnings: () => [...standings.values()].flatMap((standing) => standing.warnings()),
    adopt: (from) => {
      told = versionsIn(from);
    },
    test: async (name) => {
      const asked = channels.filter(({ options }) => name === undefined || options.name === name);
      return asked.length === 0 && name !== undefined ? undefined : Promise.all(asked.map(testOne));
    },
    [Symbol.asyncDispose]: async () => {
      for (const line of lines) line.unsubscribe();
      ending.abort(new Error('the engine is stopping'));
      await Promise.allSettled(under);
    },
  };
}

/** How one channel does. */
class Standing {
  readonly #name: string;
  #sent = 0;
  #failed = 0;
  #failing: { readonly since: number; readonly detail: string } | null = null;

  constructor(name: string) {
    this.#name = name;
  }

  /** The event to write of it: at the first failure, and when it works again. */
  hear(delivered: Delivered): EventDraft | null {
    const before = this.#failing;
    const channel = this.#name;
    if (delivered.kind === 'failed') {
      this.#failed += 1;
      const { since, detail } = delivered;
      this.#failing = { since, detail };
      if (before !== null) return null;
      return { ...engineEvent('alert.delivery-failed', { channel, detail }), severity: 'warning' };
    }
    this.#sent += 1;
    this.#failing = null;
    return before === null
      ? null
      : engineEvent('alert.delivery-recovered', { channel, failedSince: isoTime(before.since) });
  }

  shown(): ChannelStanding {
    return { name: this.#name, sent: this.#sent, failed: this.#failed, failingSince: this.#failing?.since ?? null };
  }

  warnings(): Status['warnings'] {
    if (this.#failing === null) return [];
    const { since, detail } = this.#failing;
    const text = `no alert can be sent by the channel ${this.#name}: ${detail}`;
    return [{ code: 'alert-channel-failing', text, since: isoTime(since) }];
  }
}
