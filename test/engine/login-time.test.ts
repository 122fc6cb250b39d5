import { scryptSync } from 'node:crypto';
import { EMPTY } from 'rxjs';
import { expect, test } from 'vitest';
import { checkDocument } from '../../src/config/check-document.ts';
import { definitionSchema } from '../../src/config/definition.schema.ts';
import type { Definition, DefinitionBook } from '../../src/engine/definition-book.types.ts';
import { createPasswordCheck } from '../../src/engine/password.ts';
import { createRoutes } from '../../src/engine/smtp-routes.ts';
import { AuthFailures, authenticate } from '../../src/smtp/auth.ts';
import { smtpLimits } from '../../src/smtp/limits.ts';
import { below, prng } from '../support/prng.ts';

/** Hashed at a thirtieth of the common cost, so that many samples can be had. */
const logN = 10;
const samplesEach = Number(process.env['SAMPLES'] ?? 150);

const user = (id: string): string => `${id}@journal.north.example`;

function definition(id: string, password: string | null): Definition {
  const document = {
    id,
    description: id,
    transport: 'smtp',
    serviceEmailAddress: user(id),
    smtp: password === null ? {} : { useSmtpAuthentication: true, password },
  };
  const checked = checkDocument(definitionSchema, document);
  if (!checked.ok) throw new Error(JSON.stringify(checked.issues));
  return { id, version: 1, suspended: false, config: checked.value } as unknown as Definition;
}

function login(definitions: readonly Definition[]) {
  const book = { all: () => definitions, revision: 1, changed$: EMPTY } as unknown as DefinitionBook;
  const routes = createRoutes({ book, authorizedSources: () => [], passwords: createPasswordCheck() });
  const ports = { ...routes, limits: smtpLimits, pause: async () => undefined };
  return async (username: string, password: string): Promise<number> => {
    const failures = new AuthFailures(smtpLimits);
    const attempt = { username, password, peer: '127.0.0.1', triesBefore: 0, now: 0 };
    const startedAt = performance.now();
    const { ok } = await authenticate(attempt, { ...ports, failures });
    const tookMs = performance.now() - startedAt;
    expect(ok, username).toBe(password === 'right');
    return tookMs;
  };
}

test('a failed login takes as long for a user who is none, or has no password, as for one who has (G14)', async () => {
  const salt = Buffer.alloc(16, 7);
  const key = scryptSync('right', salt, 32, { N: 2 ** logN, r: 8, p: 1 });
  const hashed = `scrypt:${logN}:8:1:${salt.toString('base64url')}:${key.toString('base64url')}`;
  const tryAs = login([definition('exchange', hashed), definition('open', null)]);
  const users = ['exchange', 'open', 'nobody', 'someone'].map(user);
  const random = prng(1);
  let told: readonly string[] = [];
  // A difference shows in each round; what else a busy machine does, does not.
  for (let round = 0; round < 3; round += 1) {
    told = differences(await sample(tryAs, users, random));
    if (told.length === 0) return;
  }
  expect(told).toEqual([]);
});

/** How long failed logins took, by user, tried in no order, so that whatever else the machine does meets all alike. */
async function sample(
  tryAs: (username: string, password: string) => Promise<number>,
  users: readonly string[],
  random: () => number,
): Promise<ReadonlyMap<string, readonly number[]>> {
  const samples = new Map(users.map((name) => [name, [] as number[]]));
  for (let n = 0; n < users.length * samplesEach; n += 1) {
    const left = users.filter((name) => (samples.get(name)?.length ?? 0) < samplesEach);
    const name = left[below(random, left.length)] ?? '';
    samples.get(name)?.push(await tryAs(name, 'wrong'));
  }
  return samples;
}

/** What the times tell of a user against the first one, who has a password. */
function differences(samples: ReadonlyMap<string, readonly number[]>): readonly string[] {
  const [[, known] = ['', []], ...others] = [...samples];
  const limitMs = Math.max(1, medianOf(known) / 4);
  return others.flatMap(([name, times]) => {
    const [apartMs, t] = [Math.abs(medianOf(known) - medianOf(times)), Math.abs(welch(known, times))];
    return apartMs < limitMs && t < 4.5 ? [] : [`${name}: ${apartMs} ms, t ${t}`];
  });
}

test('a wrong guess at a password in clear takes as long as one at a hash, and the right one is let in', async () => {
  const tryAs = login([definition('exchange', 'right')]);
  await tryAs(user('exchange'), 'right');
  const [clear, none] = [await tryAs(user('exchange'), 'wrong'), await tryAs(user('nobody'), 'wrong')];
  // Both pay for a hash of the common cost: some 0.1 s, and never the millisecond of a comparison.
  for (const tookMs of [clear, none]) expect(tookMs).toBeGreaterThan(20);
}, 30_000);

const medianOf = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;

/** Welch's t of the middle nine tenths: what the scheduler adds now and then tells nothing of the user. */
function welch(one: readonly number[], other: readonly number[]): number {
  const [a, b] = [one, other].map((values) => {
    const cut = Math.floor(values.length / 20);
    const middle = values.toSorted((x, y) => x - y).slice(cut, values.length - cut);
    const mean = middle.reduce((sum, value) => sum + value, 0) / middle.length;
    const squares = middle.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    return { mean, error: squares / (middle.length - 1) / middle.length };
  });
  if (a === undefined || b === undefined) throw new Error('two samples are compared');
  return (a.mean - b.mean) / Math.sqrt(a.error + b.error);
}
