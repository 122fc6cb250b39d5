import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mailText } from '../../src/alert/mail-text.ts';
import { createCanaryMarks, createOwnNotices } from '../../src/alert/own-notice.ts';
import { eventLine, statusTable } from '../../src/cli/views.ts';
import type { DefinitionConfig } from '../../src/config/definition.schema.ts';
import type { NamedChannel } from '../../src/engine/alert-channels.ts';
import { type Alerts, openAlerts } from '../../src/engine/alerts.ts';
import { createDiskWatch } from '../../src/engine/disk-watch.ts';
import { createOwnMail } from '../../src/engine/own-mail.ts';
import { Pop3Failure } from '../../src/pop3/pop3-failure.ts';
import { SimClock, settled } from './sim-clock.ts';
import { SimMailbox } from './sim-mailbox.ts';
import { WeekEngine } from './week-engine.ts';

const second = 1_000;
const minute = 60 * second;
const day = 1_440 * minute;
const gigabyte = 1024 ** 3;
const minimumFreeBytes = 2 * gigabyte;
/** Time is moved in steps; timers that were due within one run at its end, as on a busy machine. */
const stepMs = 30 * second;

/** What takes as little as a disk or a server does is over within the step. */
const atOnceMs = 50;

type Kind = ConstructorParameters<typeof Pop3Failure>[0];
type Log = readonly [at: number, order: number, text: string];

/** What goes on around one engine for a while, and everything that its people get to see of it, in order. */
export class Week implements AsyncDisposable {
  readonly clock: SimClock;
  readonly startAt: number;
  readonly mailbox = new SimMailbox(
    () => 0.5,
    () => undefined,
  );
  /** Null: the server of the mailbox answers. */
  mailboxFailure: readonly [kind: Kind, detail: string] | null = null;
  leftBytes = 500 * gigabyte;
  /** Channels that fail, by name. */
  readonly broken = new Map<string, string>();
  /** The text of every mail that was sent. */
  readonly mails: string[] = [];
  readonly #lines: Log[] = [];
  readonly #folder: string;
  #engine: WeekEngine | undefined;
  #alerts: Alerts | undefined;
  #seen = 0;
  readonly notices = createOwnNotices(new Uint8Array(32).fill(3));
  readonly #ownMail = createOwnMail({
    notices: this.notices,
    recipients: ['oncall@north.example'],
    canaries: createCanaryMarks(new Uint8Array(32).fill(3)),
    hasCanaries: () => false,
  });

  private constructor(startAt: number, folder: string) {
    this.startAt = startAt;
    this.clock = new SimClock(startAt, { skewMs: 0 });
    this.#folder = folder;
  }

  static async open(startAt: number, configs: readonly DefinitionConfig[]): Promise<Week> {
    const folder = await mkdtemp(join(tmpdir(), 'daybook-week-'));
    const week = new Week(startAt, folder);
    const { clock, mailbox } = week;
    week.#engine = await WeekEngine.start({
      ...{ clock, configs, mailbox, dataDir: folder, ownMail: week.#ownMail },
      reachMailbox: () => {
        if (week.mailboxFailure !== null) throw new Pop3Failure(...week.mailboxFailure);
      },
      refusal: () => (week.leftBytes <= 0 ? '452' : null),
    });
    await week.openAlerts();
    // That they were set up is no part of the week.
    await settled();
    week.#seen = week.engine.store.log.head.seq;
    return week;
  }

  get engine(): WeekEngine {
    if (this.#engine === undefined) throw new Error('not started');
    return this.#engine;
  }

  get alerts(): Alerts {
    if (this.#alerts === undefined) throw new Error('not started');
    return this.#alerts;
  }

  /** A life of the alerts: they are opened anew over what the last one kept. */
  async openAlerts(): Promise<void> {
    await this.#alerts?.[Symbol.asyncDispose]();
    const { clock, engine } = this;
    const { note, newId } = engine;
    const disk = createDiskWatch({ room: () => this.leftBytes, minimumFreeBytes, clock, note });
    const people: readonly NamedChannel['options'][] = [
      { name: 'oncall', kinds: null, escalation: false },
      { name: 'pager', kinds: ['down', 'disk'], escalation: false },
      { name: 'chief', kinds: null, escalation: true },
    ];
    this.#alerts = await openAlerts({
      dataDir: this.#folder,
      statuses: () => engine.statuses(),
      warnings: () => [...disk.warnings(), ...(this.#alerts?.channels.warnings() ?? [])],
      channels: people.map((options) => this.#channel(options)),
      log: (level, text) => this.tell(`log ${level}: ${text}`),
      ...{ note, newId, clock },
    });
  }

  /** Something that happens out there, or that a person does. */
  tell(text: string): void {
    this.#write(this.clock.now(), 0, `» ${text}`);
  }

  /** The table of `daybook status`, as somebody sees it who looks now. */
  look(who: string): void {
    const table = statusTable(this.engine.statuses(), this.clock.now());
    this.#write(this.clock.now(), 3, `${who} looks:\n${indented(table.trimEnd())}`);
  }

  /** Until it is that time, such as `Tue 22:10`. */
  async until(at: number): Promise<void> {
    while (this.clock.now() < at) {
      this.clock.frame = Math.min(this.clock.frame + stepMs, at - this.startAt);
      do {
        while (this.clock.nextFrame <= this.clock.frame + atOnceMs) this.#runNext();
        await settled();
      } while (this.clock.nextFrame <= this.clock.frame + atOnceMs);
    }
    await this.#hear();
  }

  /** All of it, day by day. */
  story(): string {
    const sorted = this.#lines.toSorted(
      (one, other) => minuteOf(one[0]) - minuteOf(other[0]) || one[1] - other[1] || one[0] - other[0],
    );
    let today = -1;
    const lines = sorted.map(([at, , text]) => {
      const date = new Date(at);
      const head = date.getUTCDate() === today ? '' : `\n${dayOf(date)}\n\n`;
      today = date.getUTCDate();
      return `${head}${date.toISOString().slice(11, 16)}  ${text.replaceAll('\n', '\n       ')}\n`;
    });
    return lines.join('').replace(/ +$/gm, '').trimStart();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#alerts?.[Symbol.asyncDispose]();
    await this.#engine?.stop();
    await rm(this.#folder, { recursive: true, force: true });
  }

  /** A timer that is late by a step runs now, as on a busy machine. */
  #runNext(): void {
    const { frame } = this.clock;
    this.clock.step();
    this.clock.frame = frame;
  }

  /** What the event log has that was not told yet. */
  async #hear(): Promise<void> {
    const items = [];
    let cursor: string | undefined;
    do {
      const page = await this.engine.store.events.find({ limit: 500, cursor });
      items.push(...page.items.filter(({ seq }) => seq > this.#seen));
      cursor = page.next !== null && (page.items.at(-1)?.seq ?? 0) > this.#seen ? page.next : undefined;
    } while (cursor !== undefined);
    for (const event of items.toReversed()) {
      this.#seen = event.seq;
      const { at, definitionId: definition, ...shown } = event;
      const line = eventLine({ ...shown, definition, at: new Date(at).toISOString() });
      this.#write(at, 1, line.slice(26).trimEnd());
    }
  }

  #channel(options: NamedChannel['options']): NamedChannel {
    const { name } = options;
    const works = (): void => {
      const failure = this.broken.get(name);
      if (failure !== undefined) throw new Error(failure);
    };
    return {
      options,
      channel: {
        ...(name === 'pager' ? { gatherMs: second, restMs: second } : { gatherMs: 10 * second, restMs: 5 * minute }),
        most: 100,
        send: async (alerts) => {
          works();
          const { subject, text } = mailText(alerts, 'mx1');
          this.mails.push(text);
          const body = name === 'oncall' ? `\n${indented(text.slice(0, text.indexOf('\n\n-- \n')))}` : '';
          this.#write(this.clock.now(), 2, `to ${name}: ${subject}${body}`);
        },
        test: async () => works(),
      },
    };
  }

  #write(at: number, order: number, text: string): void {
    this.#lines.push([at, order, text]);
  }
}

const minuteOf = (at: number): number => Math.floor(at / minute);

const indented = (text: string): string =>
  text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => `  | ${line}`)
    .join('\n');

const dayOf = (date: Date): string =>
  `== ${date.toLocaleDateString('en-GB', { weekday: 'long', day: 'numeric', month: 'long', timeZone: 'UTC' })} ==`;

export { day, gigabyte, minute };
