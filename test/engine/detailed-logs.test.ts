import { mkdtemp, readdir, readFile, readlink, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Subject } from 'rxjs';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Definition } from '../../src/engine/definition-book.types.ts';
import { createDetailedLogs } from '../../src/engine/detailed-logs.ts';
import type { IntakeReader, IntakeRecord, News } from '../../streams/ports.ts';
import { eventually } from '../support/eventually.ts';
import { VirtualClock } from '../support/virtual-time.ts';

let dataDir = '';
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'daybook-detailed-'));
});
afterEach(() => rm(dataDir, { recursive: true, force: true }));

/** Definitions whose switch a test turns, as a change of the book does. */
function openRig(...ids: readonly string[]) {
  const on = new Set<string>();
  const changed$ = new Subject<void>();
  const all = (): readonly Definition[] =>
    ids.map((id) => ({ id, config: { detailedLogging: on.has(id) } }) as unknown as Definition);
  const logs = createDetailedLogs({
    dataDir,
    book: { all, changed$ },
    clock: new VirtualClock(0),
    log: (_level, text, data) => {
      throw new Error(`${text} ${JSON.stringify(data)}`);
    },
  });
  const turn = (id: string, isOn: boolean): void => {
    if (isOn) on.add(id);
    else on.delete(id);
    changed$.next();
  };
  return { logs, turn };
}
const files = (): Promise<readonly string[]> => readdir(join(dataDir, 'logs')).catch(() => []);
const linesOf = async (id: string): Promise<readonly Readonly<Record<string, unknown>>[]> =>
  (await readFile(join(dataDir, 'logs', `${id}.log`), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
/** Files below the data directory that this process has open. */
const openFiles = async (): Promise<readonly string[]> => {
  const handles = await readdir('/proc/self/fd');
  const paths = await Promise.all(handles.map((handle) => readlink(`/proc/self/fd/${handle}`).catch(() => '')));
  return paths.filter((path) => path.startsWith(dataDir));
};

test('a definition writes while it has it on, and its file is closed as soon as it has not', async () => {
  const { logs, turn } = openRig('one', 'two');
  expect(logs.smtp.wanted()).toBe(false);
  logs.note('one', { n: 'before' });
  expect(await files()).toEqual([]);
  turn('one', true);
  expect(logs.smtp.wanted()).toBe(true);
  logs.note('one', { n: 1 });
  logs.note('two', { n: 'off' });
  await eventually(async () => (await openFiles()).length === 1, { what: 'the file' });
  turn('one', false);
  expect(logs.smtp.wanted()).toBe(false);
  await eventually(async () => (await openFiles()).length === 0, { what: 'its end' });
  logs.note('one', { n: 'between' });
  turn('one', true);
  logs.note('one', { n: 2 });
  await logs[Symbol.asyncDispose]();
  expect(await files()).toEqual(['one.log']);
  expect((await linesOf('one')).map(({ n }) => n)).toEqual([1, 2]);
});

test('after its end nothing is opened any more, and what was switched off before is written', async () => {
  const { logs, turn } = openRig('one', 'two');
  turn('one', true);
  turn('two', true);
  logs.note('one', { n: 1 });
  turn('one', false);
  await logs[Symbol.asyncDispose]();
  expect(await linesOf('one')).toMatchObject([{ n: 1 }]);
  logs.note('two', { n: 'late' });
  turn('two', true);
  logs.note('two', { n: 'later' });
  // What they might have begun is done before this is.
  const after = openRig('after');
  after.turn('after', true);
  after.logs.note('after', { n: 1 });
  await after.logs[Symbol.asyncDispose]();
  expect(await files()).toEqual(['after.log', 'one.log']);
});

test('traces each settled item from its intake record without words of the mail, and looks nothing up where it is off', async () => {
  const { logs, turn } = openRig('one');
  const asked: string[] = [];
  const parsed = { at: 0, step: 'parsed', detail: 'L0 ms2007' };
  const failed = { at: 0, step: 'failed', detail: 'Error: unknown charset "words of the mail"' };
  const intake: Pick<IntakeReader, 'get'> = {
    get: async (id) => {
      asked.push(id);
      if (id === 'broken') throw new Error('no');
      return {
        state: 'archived',
        reason: null,
        entryId: id,
        flags: ['x'],
        attempt: 1,
        steps: [failed, parsed],
      } as unknown as IntakeRecord | undefined;
    },
  };
  const news$ = new Subject<News>();
  const heard: News[] = [];
  logs.trace('one', news$, intake as IntakeReader).subscribe((news) => heard.push(news));
  const settle = (intakeId: string): void => {
    const settled = { intakeId, definitionId: 'one', outcome: 'archived', reason: null, entryId: intakeId } as const;
    news$.next({ type: 'processing.settled', at: 0, settlements: [{ ...settled, level: 'L0', at: 0 }] });
  };
  settle('unseen');
  turn('one', true);
  settle('broken');
  settle('seen');
  await eventually(async () => (await files()).length === 1, { what: 'the file' });
  await logs[Symbol.asyncDispose]();
  expect(asked).toEqual(['broken', 'seen']);
  expect(heard).toHaveLength(3);
  const said = { item: 'seen', state: 'archived', reason: null, entryId: 'seen', flags: ['x'], attempt: 1 };
  expect(await linesOf('one')).toEqual([
    { at: '1970-01-01T00:00:00.000Z', ...said, steps: [{ ...failed, detail: null }, parsed] },
  ]);
});
