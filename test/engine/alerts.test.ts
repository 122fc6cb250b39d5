import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { NamedChannel } from '../../src/engine/alert-channels.ts';
import { type Alerts, openAlerts } from '../../src/engine/alerts.ts';
import type { Status } from '../../src/http/status.schema.ts';
import type { EventDraft } from '../../streams/ports.ts';
import { eventually } from '../support/eventually.ts';
import { noon, status } from '../support/fake-engine-api.ts';
import { flipBit } from '../support/folders.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const well = { ...status().counts, quarantined: 0, held: 0 };

/** An engine's alerts over statuses that a test sets, on one folder and one clock over many lives. */
class World {
  readonly clock = new VirtualClock(noon);
  readonly events: EventDraft[] = [];
  readonly logged: string[] = [];
  /** What each channel was sent: minute, channel, and the steps in it. */
  readonly sent: string[] = [];
  readonly broken = new Map<string, string>();
  statuses: readonly Status[] = [];
  warnings: Status['warnings'] = [];
  channels: readonly NamedChannel['options'][] = [{ name: 'mail', kinds: null, escalation: false }];
  readonly folder: string;
  #alerts: Alerts | undefined;
  #ids = 0;

  constructor(folder: string) {
    this.folder = folder;
  }

  get alerts(): Alerts {
    if (this.#alerts === undefined) throw new Error('not started');
    return this.#alerts;
  }

  async start(): Promise<void> {
    this.#alerts = await openAlerts({
      dataDir: this.folder,
      statuses: () => this.statuses,
      warnings: () => [...this.warnings, ...(this.#alerts?.channels.warnings() ?? [])],
      channels: this.channels.map((options) => this.#channel(options)),
      note: (draft) => void this.events.push(draft),
      newId: () => {
        this.#ids += 1;
        return `A${this.#ids}`;
      },
      clock: this.clock,
      log: (level, text) => void this.logged.push(`${level} ${text}`),
    });
  }

  async pass(ms: number): Promise<void> {
    const until = this.clock.now() + ms;
    while (this.clock.now() < until) {
      this.clock.runUntil(Math.min(until, this.clock.now() + 5 * second));
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }

  async stop(): Promise<void> {
    await this.#alerts?.[Symbol.asyncDispose]();
  }

  get types(): readonly string[] {
    return this.events.map(({ type }) => type);
  }

  #channel(options: NamedChannel['options']): NamedChannel {
    const trouble = (): void => {
      const text = this.broken.get(options.name);
      if (text !== undefined) throw new Error(text);
    };
    return {
      options,
      channel: {
        gatherMs: 10 * second,
        restMs: 5 * minute,
        most: 100,
        send: async (alerts) => {
          trouble();
          const said = alerts.map(({ step, definition, kind }) => `${step} ${definition ?? kind}`).join(', ');
          this.sent.push(`${Math.floor((this.clock.now() - noon) / minute)} ${options.name}: ${said}`);
        },
        test: async () => trouble(),
      },
    };
  }
}

async function world(): Promise<World & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-alerts-'));
  const made = new World(folder);
  return Object.assign(made, {
    [Symbol.asyncDispose]: async () => {
      await made.stop();
      await rm(folder, { recursive: true, force: true });
    },
  });
}

const down = (id: string): Status => status({ id, counts: well, serviceStatus: 'down', lastMessageAt: null });
const active = (id: string): Status => status({ id, counts: well });

test('a storm is one message; what follows waits for five minutes and is one message too', async () => {
  await using place = await world();
  await place.start();
  const ids = ['a', 'b', 'c', 'd'];
  place.statuses = ids.map(active);
  await place.pass(minute);
  place.statuses = ids.map((id) => (id === 'd' ? active(id) : down(id)));
  await place.pass(minute);
  place.statuses = ids.map(down);
  await place.pass(minute);
  place.statuses = ids.map(active);
  await place.pass(20 * minute);
  expect(place.sent).toEqual([
    '1 mail: raised a, raised b, raised c',
    '6 mail: resolved a, resolved b, resolved c, resolved d',
  ]);
  expect(place.types).toEqual([...Array(4).fill('alert.raised'), ...Array(4).fill('alert.resolved')]);
});

test('a restart neither repeats nor forgets: what was told is known, an acknowledgement stays, the hours go on', async () => {
  await using place = await world();
  place.statuses = [down('a'), down('b')];
  await place.start();
  await place.pass(30 * minute);
  const [b] = place.alerts.all();
  expect(await place.alerts.acknowledge(b?.id ?? '', { actor: 'olga', note: 'on it' })).toMatchObject({
    acknowledged: { by: 'olga', note: 'on it' },
  });
  await place.stop();
  await place.start();
  await place.pass(40 * minute);
  expect(place.sent).toEqual(['0 mail: raised a, raised b', '30 mail: acknowledged b', '60 mail: reminded a']);
  expect(place.alerts.all().map(({ definition, asked }) => [definition, asked])).toEqual([
    ['b', 1],
    ['a', 2],
  ]);
  place.statuses = [active('a'), active('b')];
  await place.stop();
  await place.start();
  await place.pass(10 * minute);
  expect(place.sent.slice(3)).toEqual(['71 mail: resolved a, resolved b']);
  expect(await place.alerts.acknowledge(b?.id ?? '', { actor: 'olga', note: null })).toBe('ended');
  expect(await place.alerts.acknowledge('none', { actor: 'olga', note: null })).toBe('unknown');
});

test('a channel that fails is a warning, an event and an alert to the others; later it is told how things are then', async () => {
  await using place = await world();
  place.channels = [
    { name: 'mail', kinds: null, escalation: false },
    { name: 'hook', kinds: null, escalation: false },
  ];
  place.broken.set('hook', 'ECONNREFUSED');
  await place.start();
  place.statuses = [down('a')];
  await place.pass(10 * minute);
  expect(place.alerts.channels.warnings()).toMatchObject([
    { code: 'alert-channel-failing', text: 'no alert can be sent by the channel hook: ECONNREFUSED' },
  ]);
  expect(place.types.filter((type) => type.startsWith('alert.delivery'))).toEqual(['alert.delivery-failed']);
  expect(place.sent).toEqual(['0 mail: raised a', '5 mail: raised channel']);
  place.statuses = [active('a')];
  await place.pass(10 * minute);
  place.broken.clear();
  await place.pass(20 * minute);
  expect(place.sent.filter((each) => each.includes('hook:'))).toEqual([
    expect.stringMatching(/hook: resolved a, raised channel$/),
    expect.stringMatching(/hook: resolved channel$/),
  ]);
  expect(place.types.filter((type) => type.startsWith('alert.delivery'))).toEqual([
    'alert.delivery-failed',
    'alert.delivery-recovered',
  ]);
  const [hook] = place.alerts.channels.standings().filter(({ name }) => name === 'hook');
  // 10 s, 1 min, 5 min and 15 min apart: four tries in twenty minutes.
  expect(hook).toMatchObject({ sent: 2, failed: 4, failingSince: null });
});

test('a channel hears of the kinds it asked for, one for escalations only from then on, the end included', async () => {
  await using place = await world();
  place.channels = [
    { name: 'chief', kinds: null, escalation: true },
    { name: 'disks', kinds: ['disk'], escalation: false },
  ];
  place.warnings = [{ code: 'disk-low', text: 'low', since: new Date(noon).toISOString() }];
  place.statuses = [down('a')];
  await place.start();
  await place.pass(5.5 * hour);
  place.statuses = [active('a')];
  place.warnings = [];
  await place.pass(hour);
  expect(place.sent).toEqual([
    '0 disks: raised disk',
    '300 chief: escalated a',
    '331 disks: resolved disk',
    '331 chief: resolved a',
  ]);
  expect(place.types).toContain('alert.escalated');
});

test('alerts that cannot be kept are told all the same, and kept once it is possible', async () => {
  await using place = await world();
  await place.start();
  const inTheWay = join(place.folder, 'alerts.state.new');
  await mkdir(inTheWay);
  place.statuses = [down('a')];
  await place.pass(minute);
  expect(place.sent).toEqual(['0 mail: raised a']);
  await eventually(async () => place.logged.length > 0);
  expect(place.logged).toEqual(['warn the alerts could not be kept']);
  await rmdir(inTheWay);
  await place.pass(minute);
  await place.stop();
  await place.start();
  await place.pass(10 * minute);
  expect(place.sent).toHaveLength(1);
});

test('a damaged file is told, and what is wrong is told anew', async () => {
  await using place = await world();
  place.statuses = [down('a')];
  await place.start();
  await place.pass(minute);
  await place.stop();
  await flipBit(join(place.folder, 'alerts.state'), 90, 1);
  await place.start();
  await place.pass(minute);
  expect(place.sent).toEqual(['0 mail: raised a', '1 mail: raised a']);
  expect(place.logged).toEqual(['warn the alerts of the last run are damaged; what is wrong is told anew']);
});

test('a backlog that is gone within a minute, as of old mail that was released, is none; one that stays is', async () => {
  await using place = await world();
  await place.start();
  const behind = { code: 'backlog', text: '7 messages', since: new Date(noon - hour).toISOString() };
  for (let turn = 0; turn < 5; turn += 1) {
    place.statuses = [{ ...active('a'), warnings: turn % 2 === 0 ? [behind] : [] }];
    await place.pass(50 * second);
  }
  expect(place.sent).toEqual([]);
  await place.pass(minute);
  expect(place.sent).toEqual(['4 mail: raised a']);
});

test('a look that fails ends nothing', async () => {
  await using place = await world();
  await place.start();
  place.statuses = [null as unknown as Status];
  await place.pass(minute);
  place.statuses = [down('a')];
  await place.pass(minute);
  expect(place.logged[0]).toBe('error a look for troubles failed');
  expect(place.sent).toEqual(['1 mail: raised a']);
});

test('a test goes through every channel, or through one, and says what came of it', async () => {
  await using place = await world();
  place.channels = ['mail', 'hook'].map((name) => ({ name, kinds: null, escalation: false }));
  place.broken.set('hook', 'status 500');
  await place.start();
  expect(await place.alerts.channels.test(undefined)).toEqual([
    { channel: 'mail', ok: true, detail: null },
    { channel: 'hook', ok: false, detail: 'status 500' },
  ]);
  expect(await place.alerts.channels.test('mail')).toHaveLength(1);
  expect(await place.alerts.channels.test('pager')).toBeUndefined();
});
