import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { freePort } from '../../bench/peers/free-port.ts';
import { eventually } from '../support/eventually.ts';
import { putDefinition, statusOf } from '../support/journal-api.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';

const document = (name: string, description = name) => ({
  description,
  transport: 'smtp',
  serviceEmailAddress: `${name}@journal.north.example`,
});
const put = (daybook: Daybook, id: string, body: object, version?: number) =>
  putDefinition(daybook, id, body, { version });
const rounds = 8;

/** What a status says of a connection. */
type Held = Awaited<ReturnType<typeof statusOf>> & { readonly since?: string };

/** What two people do to the definitions of one cluster at the same moment, and what becomes of a definition whose engine ends. */
describe.skipIf(postgresLeftOut())('the definitions of two engines', () => {
  let postgres: Postgres;
  let one: Daybook;
  let two: Daybook;
  let refused: number;
  beforeAll(async () => {
    postgres = await startPostgres();
    refused = await freePort();
    const config = (worker: string): string => `
logLevel: warn
store: { backend: cluster, minimumFree: 1MB }
cluster: { postgres: "${postgres.url}", bodies: postgres, worker: ${worker} }
pop3: { pollInterval: 20m }
directory: { internalDomains: [north.example] }
definitions:
  - id: mailbox
    description: Nobody answers there
    transport: pop3
    serviceEmailAddress: mailbox@journal.north.example
    pop3: { host: 127.0.0.1, port: ${refused}, encrypted: false, mailboxName: journal, password: pw }
`;
    // Both at once: they have the same definitions to write.
    const started = await Promise.allSettled(['one', 'two'].map((worker) => startDaybook({ config: config(worker) })));
    const [first, second] = started.map((each) => (each.status === 'fulfilled' ? each.value : undefined));
    if (first !== undefined) one = first;
    if (second !== undefined) two = second;
    for (const each of started) if (each.status === 'rejected') throw each.reason;
  });
  afterAll(async () => {
    await one?.[Symbol.asyncDispose]();
    await two?.[Symbol.asyncDispose]();
    await postgres?.[Symbol.asyncDispose]();
  });

  const codes = async (answers: readonly Promise<Response>[]): Promise<readonly number[]> =>
    (await Promise.all(answers)).map(({ status }) => status).toSorted((a, b) => a - b);
  const versionOn = async (daybook: Daybook, id: string) => {
    const { version, description } = await daybook.get<{ version: number; description: string }>(
      `/v1/definitions/${id}`,
    );
    return { version, description };
  };

  test('of two that make one at once, or change it from the same version, one is told that it came too late', async () => {
    expect(await codes([put(one, 'made', document('made')), put(two, 'made', document('made', 'Other'))])).toEqual([
      201, 428,
    ]);
    for (let version = 1; version <= rounds; version += 1) {
      const answers = [
        put(one, 'made', document('made', `One ${version}`), version),
        put(two, 'made', document('made', `Two ${version}`), version),
      ];
      expect(await codes(answers), `from version ${version}`).toEqual([200, 412]);
      const won = (await Promise.all(answers)).findIndex(({ status }) => status === 200) === 0 ? 'One' : 'Two';
      const stands = { version: version + 1, description: `${won} ${version}` };
      for (const daybook of [one, two])
        await eventually(async () => JSON.stringify(await versionOn(daybook, 'made')) === JSON.stringify(stands));
    }
  });

  test('two that differ are both made, and no two with one address', async () => {
    expect(await codes([put(one, 'left', document('left')), put(two, 'right', document('right'))])).toEqual([201, 201]);
    expect(
      await codes([put(one, 'this', document('same', 'This')), put(two, 'that', document('same', 'That'))]),
    ).toEqual([201, 400]);
  });

  test('one is removed by one of two, and is gone for the other', async () => {
    await one.fetch('/v1/definitions/left/suspend', { method: 'POST' });
    const remove = (daybook: Daybook) => daybook.fetch('/v1/definitions/left?force=true', { method: 'DELETE' });
    await eventually(async () => (await statusOf(two, 'left')).serviceStatus === 'suspended');
    expect(await codes([remove(one), remove(two)])).toEqual([204, 404]);
  });

  test('a mailbox goes on where it was when its engine ends: its failures, and the next try', async () => {
    const failing = await eventually(
      async () => {
        const status = await statusOf(one, 'mailbox');
        return status.serviceStatus === 'error' && status.worker !== undefined && status;
      },
      { withinMs: 20_000, what: 'a refused connection' },
    );
    const [holder, other] = failing.worker === 'one' ? [one, two] : [two, one];
    const before: Held = await statusOf(holder, 'mailbox');
    expect(await holder.end('SIGTERM')).toBe(0);
    const after = await eventually(
      async () => {
        const status = await statusOf(other, 'mailbox');
        return status.worker !== before.worker && status;
      },
      { withinMs: 20_000, what: 'another holder' },
    );
    const { serviceStatus, since, failures, nextRetryAt } = before;
    const stands = { serviceStatus, since, failures, nextRetryAt };
    await eventually(
      async () => {
        const status: Held = await statusOf(other, 'mailbox');
        return Object.entries(stands).every(([key, value]) => status[key as keyof typeof stands] === value);
      },
      { what: `${JSON.stringify(stands)}, not ${JSON.stringify(after)}` },
    );
  });
});
