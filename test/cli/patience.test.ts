import { expect, test } from 'vitest';
import { CommandFailure, exitCodes } from '../../src/cli/exit-codes.ts';
import { createPatience } from '../../src/cli/import/patience.ts';
import { duration, progressLine } from '../../src/cli/progress.ts';

function rig() {
  const clock = { at: 0 };
  const said: string[] = [];
  const pauses: number[] = [];
  const pause = async (ms: number): Promise<void> => {
    pauses.push(ms);
    clock.at += ms;
  };
  const patience = createPatience({ now: () => clock.at, pause, say: (text) => void said.push(text) });
  return { patience, said, pauses };
}
const answer = (status: number, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify({ title: 'no room' }), { status, headers });
const gone = (): Promise<Response> => Promise.reject(new CommandFailure(exitCodes.unreachable, 'nobody answers'));

test('an engine without room is waited for, as long as it says, and that is said once', async () => {
  const { patience, said, pauses } = rig();
  const answers = [answer(503, { 'retry-after': '7' }), answer(429), answer(503), answer(201)];
  expect((await patience(async () => answers.shift() ?? answer(500))).status).toBe(201);
  expect(pauses).toEqual([7_000, 500, 1_000]);
  expect(said).toEqual(['waiting: no room']);
});

test('an engine that takes nothing for a quarter of an hour is given up with 75', async () => {
  const { patience, pauses } = rig();
  const refused = await patience(async () => answer(503)).catch((error: unknown) => error);
  expect(refused).toMatchObject({ exitCode: exitCodes.tryAgain });
  const waited = pauses.reduce((sum, ms) => sum + ms, 0);
  expect(waited).toBeGreaterThanOrEqual(900_000);
  expect(waited).toBeLessThan(905_000);
  expect(Math.max(...pauses)).toBe(2_000);
});

test('one that never answered is not waited for, one that goes away is', async () => {
  const { patience, said } = rig();
  await expect(patience(gone)).rejects.toMatchObject({ exitCode: exitCodes.unreachable });
  await patience(async () => answer(200));
  const answers = [gone, gone, async () => answer(200)];
  expect((await patience(() => (answers.shift() ?? gone)())).status).toBe(200);
  expect(said).toEqual(['waiting: nobody answers']);
});

test('other answers are handed on as they are', async () => {
  const { patience, pauses } = rig();
  for (const status of [200, 400, 401, 404, 413, 500])
    expect((await patience(async () => answer(status))).status).toBe(status);
  expect(pauses).toEqual([]);
});

test('the bar shows how many, how fast and how long still, and no share of what is not known', () => {
  expect(progressLine({ messages: 500, done: 25, total: 100 }, 10)).toBe(
    `${'█'.repeat(6)}${'░'.repeat(18)}  25 %  500 messages  50/s  30 s left`,
  );
  expect(progressLine({ messages: 500, done: 25 }, 10)).toBe('500 messages  50/s');
  expect(progressLine({ messages: 0, done: 0, total: 100 }, 0)).toBe(`${'░'.repeat(24)}   0 %  0 messages  `);
  expect([59, 61, 3_661].map(duration)).toEqual(['59 s', '1 min 1 s', '1 h 1 min']);
});
