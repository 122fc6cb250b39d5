import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Subject } from 'rxjs';
import { expect, test } from 'vitest';
import { type Alerts, openAlerts } from '../../src/engine/alerts.ts';
import type { Status } from '../../src/http/status.schema.ts';
import type { EventDraft, LoggedEvent } from '../../streams/ports.ts';
import { noon, status } from '../support/fake-engine-api.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const second = 1_000;
const minute = 60 * second;
const names = ['one', 'two'] as const;
type Name = (typeof names)[number];

/** Two engines of a cluster over statuses that a test sets: one of them looks, and each hears the other a second later. */
class Pair implements AsyncDisposable {
  readonly clock = new VirtualClock(noon);
  readonly events: string[] = [];
  /** What a channel was sent, and by whom. */
  readonly sent: string[] = [];
  statuses: readonly Status[] = [];
  /** Null: nobody looks. */
  holder: Name | null = 'one';
  broken = false;
  /** How often something else was said than before. */
  writes = 0;
  readonly #folder: string;
  readonly #alerts = new Map<Name, Alerts>();
  readonly #events$ = new Map<Name, Subject<readonly LoggedEvent[]>>();
  /** What was said last, as JSON, and by whom. */
  #board: { readonly worker: Name; readonly text: string } | null = null;
  #ids = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  of(name: Name): Alerts {
    const alerts = this.#alerts.get(name);
    if (alerts === undefined) throw new Error(`${name} was not started`);
    return alerts;
  }

  async start(name: Name): Promise<void> {
    const events$ = new Subject<readonly LoggedEvent[]>();
    this.#events$.set(name, events$);
    const dataDir = await mkdtemp(join(this.#folder, `${name}-`));
    const send = async (alerts: readonly { readonly step: string; readonly kind: string }[]): Promise<void> => {
      if (this.broken) throw new Error('refused');
      this.sent.push(`${name}: ${alerts.map(({ step, kind }) => `${step} ${kind}`).join(', ')}`);
    };
    const channel = { gatherMs: second, restMs: second, most: 100, send, test: async () => undefined };
    const alerts = await openAlerts({
      dataDir,
      statuses: () => this.statuses,
      warnings: () => [],
      channels: [{ options: { name: 'mail', kinds: null, escalation: false }, channel }],
      note: (draft) => this.#write(name, draft),
      newId: () => {
        this.#ids += 1;
        return `A${this.#ids}`;
      },
      clock: this.clock,
      log: () => undefined,
      among: {
        isMine: () => this.holder === name,
        said: () => (this.#board === null || this.#board.worker === name ? undefined : JSON.parse(this.#board.text)),
        say: (kept) => {
          // As the database has it: of who does not hold the duty nothing is taken.
          if (this.holder !== name) return;
          const text = JSON.stringify(kept);
          if (text !== this.#board?.text) this.writes += 1;
          this.#board = { worker: name, text };
        },
        events$,
      },
    });
    this.#alerts.set(name, alerts);
  }

  async pass(ms: number): Promise<void> {
    for (const until = this.clock.now() + ms; this.clock.now() < until; ) {
      this.clock.runUntil(Math.min(until, this.clock.now() + 5 * second));
      for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
    }
    await new Promise((resolve) => setImmediate(resolve));
  }

  /** State and id of each alert, as this engine shows it. */
  shown(name: Name): readonly string[] {
    return this.of(name)
      .all()
      .map(({ id, acknowledged, resolvedAt }) => {
        if (resolvedAt !== null) return `${id} resolved`;
        return `${id} ${acknowledged === null ? 'open' : `acknowledged by ${acknowledged.by}`}`;
      });
  }

  async stop(name: Name): Promise<void> {
    await this.of(name)[Symbol.asyncDispose]();
    this.#alerts.delete(name);
    this.#events$.delete(name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const name of this.#alerts.keys()) await this.stop(name);
    await rm(this.#folder, { recursive: true, force: true });
  }

  #write(from: Name, draft: EventDraft): void {
    this.events.push(`${from} ${draft.type}`);
    const logged = { ...draft, seq: this.events.length, at: this.clock.now() };
    for (const [name, events$] of this.#events$) if (name !== from) events$.next([logged]);
  }
}

async function pair(): Promise<Pair> {
  const made = new Pair(await mkdtemp(join(tmpdir(), 'daybook-alerts-among-')));
  for (const name of names) await made.start(name);
  return made;
}
const counts = { ...status().counts, quarantined: 0, held: 0 };
const down = (id: string): Status => status({ id, counts, serviceStatus: 'down', lastMessageAt: null });
const active = (id: string): Status => status({ id, counts });

test('one looks and tells people; both show it, and which channel knows', async () => {
  await using both = await pair();
  both.statuses = [down('a')];
  await both.pass(minute);
  expect(both.events).toEqual(['one alert.raised']);
  expect(both.sent).toEqual(['one: raised down']);
  for (const name of names) {
    expect(both.shown(name)).toEqual(['A1 open']);
    expect(both.of(name).knownBy(both.of(name).all()[0]!)).toEqual(['mail']);
  }
});

test('what stays wrong is said once a minute, and not at each look', async () => {
  await using both = await pair();
  const silent = (): Status => ({ ...down('a'), lastMessageAt: new Date(noon - 3_600_000).toISOString() });
  both.statuses = [silent()];
  await both.pass(2 * minute);
  const { writes } = both;
  await both.pass(20 * minute);
  expect(both.writes - writes).toBeLessThanOrEqual(21);
  expect(both.of('two').all()[0]?.text).toContain('no message for 1 h 21 min');
});

test.each(names)('an acknowledgement that %s takes holds on both, is one event, and is told once', async (name) => {
  await using both = await pair();
  both.statuses = [down('a')];
  await both.pass(minute);
  const taken = await both.of(name).acknowledge('A1', { actor: 'ada', note: 'I look after it' });
  expect(taken).toMatchObject({ acknowledged: { by: 'ada', note: 'I look after it' } });
  expect(both.shown(name)).toEqual(['A1 acknowledged by ada']);
  await both.pass(3 * 60 * minute);
  for (const each of names) expect(both.shown(each)).toEqual(['A1 acknowledged by ada']);
  expect(both.events).toEqual(['one alert.raised', `${name} alert.acknowledged`]);
  expect(both.sent).toEqual(['one: raised down', 'one: acknowledged down']);
});

test('who takes the looking over goes on where the other was: nothing is told again, and nothing forgotten', async () => {
  await using both = await pair();
  both.statuses = [down('a'), down('b')];
  await both.pass(minute);
  await both.of('one').acknowledge('A1', { actor: 'ada', note: null });
  await both.pass(minute);
  const before = [...both.sent];
  await both.stop('one');
  both.holder = null;
  await both.pass(30 * second);
  both.holder = 'two';
  await both.pass(5 * minute);
  expect(both.shown('two')).toEqual(['A2 open', 'A1 acknowledged by ada']);
  expect(both.sent).toEqual(before);
  both.statuses = [active('a'), down('b')];
  await both.pass(5 * minute);
  expect(both.shown('two')).toEqual(['A2 open', 'A1 resolved']);
  expect(both.sent.slice(before.length)).toEqual(['two: resolved down']);
});

test('what could not be sent by the one is sent by the other', async () => {
  await using both = await pair();
  both.broken = true;
  both.statuses = [down('a')];
  await both.pass(minute);
  expect(both.sent).toEqual([]);
  both.holder = 'two';
  both.broken = false;
  await both.pass(minute);
  expect(both.sent).toEqual(['two: raised down']);
});

test('an acknowledgement answers no notice that came after it', async () => {
  await using both = await pair();
  const spoilt = (quarantined: number): Status => status({ id: 'a', counts: { ...counts, quarantined } });
  both.statuses = [spoilt(1)];
  await both.pass(minute);
  await both.of('two').acknowledge('A1', { actor: 'ada', note: null });
  await both.pass(minute);
  both.statuses = [spoilt(50)];
  // More of it is news once a day.
  await both.pass(25 * 60 * minute);
  for (const name of names) expect(both.shown(name)).toEqual(['A1 open']);
  both.holder = 'two';
  await both.pass(minute);
  expect(both.shown('two')).toEqual(['A1 open']);
});

test('an acknowledgement is not lost where nobody looks', async () => {
  await using both = await pair();
  both.statuses = [down('a')];
  await both.pass(minute);
  await both.stop('one');
  both.holder = null;
  await both.of('two').acknowledge('A1', { actor: 'ada', note: null });
  await both.pass(minute);
  both.holder = 'two';
  await both.pass(minute);
  expect(both.shown('two')).toEqual(['A1 acknowledged by ada']);
  const [alert] = both.of('two').all();
  expect(alert?.asked).toBe(1);
  both.holder = null;
  await both.start('one');
  both.holder = 'one';
  await both.pass(minute);
  expect(both.shown('one'), 'the new one has heard of it').toEqual(['A1 acknowledged by ada']);
});

test('one that has held it before goes by what the other has said since, not by what it kept', async () => {
  await using both = await pair();
  both.statuses = [down('a')];
  await both.pass(minute);
  both.holder = 'two';
  both.statuses = [active('a'), down('b')];
  await both.pass(10 * minute);
  const before = [...both.events];
  both.holder = 'one';
  await both.pass(10 * minute);
  expect(both.shown('one')).toEqual(['A2 open', 'A1 resolved']);
  expect(both.events).toEqual(before);
});

test('one that loses it for a moment, and to nobody, repeats nothing', async () => {
  await using both = await pair();
  both.statuses = [down('a')];
  await both.pass(minute);
  both.holder = null;
  await both.pass(20 * second);
  both.holder = 'one';
  await both.pass(minute);
  expect(both.sent).toEqual(['one: raised down']);
  expect(both.shown('two')).toEqual(['A1 open']);
  both.holder = null;
  await both.pass(20 * second);
  await both.of('two').acknowledge('A1', { actor: 'ada', note: null });
  both.holder = 'one';
  await both.pass(minute);
  expect(both.shown('one')).toEqual(['A1 acknowledged by ada']);
});
