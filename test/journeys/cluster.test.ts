import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { entryOf, intakeOf, putDefinition, statusOf } from '../support/journal-api.ts';
import { deliver, lunchReport } from '../support/journey-mail.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';
import { SmtpClient } from '../support/smtp-client.ts';

const config = (worker: string, url: string): string => `
logLevel: warn
store: { backend: cluster, minimumFree: 1MB }
cluster: { postgres: "${url}", bodies: postgres, worker: ${worker} }
directory: { internalDomains: [north.example] }
definitions:
  - id: first
    description: One
    transport: smtp
    serviceEmailAddress: first@journal.north.example
    deliveryWaitAttempts: 1
  - id: second
    description: Two
    transport: smtp
    serviceEmailAddress: second@journal.north.example
    deliveryWaitAttempts: 1
`;

/** Two workers of one cluster, as an operator runs them. */
describe.skipIf(postgresLeftOut())('two engines on one PostgreSQL', () => {
  let postgres: Postgres;
  let one: Daybook;
  let two: Daybook;
  beforeAll(async () => {
    postgres = await startPostgres();
    one = await startDaybook({ config: config('one', postgres.url) });
    two = await startDaybook({ config: config('two', postgres.url) });
  });
  afterAll(async () => {
    await one?.[Symbol.asyncDispose]();
    await two?.[Symbol.asyncDispose]();
    await postgres?.[Symbol.asyncDispose]();
  });

  const archived = (daybook: Daybook, id: string, withinMs = 20_000) =>
    eventually(
      async () => {
        const item = await intakeOf(daybook, id).catch(() => undefined);
        return (
          ['archived', 'matched'].includes(item?.state ?? '') && item?.entryId != null && entryOf(daybook, item.entryId)
        );
      },
      { withinMs },
    );

  test('each takes mail for every definition, and both show what both have taken', async () => {
    const sent = [];
    for (const [daybook, to] of [
      [one, 'first'],
      [one, 'second'],
      [two, 'first'],
      [two, 'second'],
    ] as const) {
      sent.push(await deliver(daybook.smtpPort, [`${to}@journal.north.example`], lunchReport(`${to}-${daybook.pid}`)));
    }
    for (const { id } of sent) {
      const entry = await archived(one, id);
      expect(await archived(two, id)).toEqual(entry);
      const [a, b] = await Promise.all(
        [one, two].map(async (each) =>
          Buffer.from(await (await each.fetch(`/v1/messages/${entry.id}/raw`)).arrayBuffer()),
        ),
      );
      expect(a?.equals(b ?? Buffer.alloc(0))).toBe(true);
    }
    for (const id of ['first', 'second']) {
      expect((await statusOf(one, id)).counts).toEqual((await statusOf(two, id)).counts);
      expect((await statusOf(one, id)).counts).toMatchObject({ received: 2, archived: 2 });
    }
  });

  test('the status says who runs what, the same on both, and each runs a share', async () => {
    const workers = async (daybook: Daybook) => [
      (await statusOf(daybook, 'first')).worker,
      (await statusOf(daybook, 'second')).worker,
    ];
    await eventually(
      async () => {
        const [a, b] = [await workers(one), await workers(two)];
        return JSON.stringify(a) === JSON.stringify(b) && new Set(a).size === 2;
      },
      { what: 'a share for each', withinMs: 30_000 },
    );
    const { engine } = await two.get<{ engine: { worker: string; store: string } }>('/v1/status');
    expect(engine).toMatchObject({ worker: 'two', store: 'cluster' });
  }, 40_000);

  test('a definition that is suspended on one takes no mail on the other, until it is activated', async () => {
    const said = async (daybook: Daybook): Promise<number> => {
      await using client = await SmtpClient.ready(daybook.smtpPort);
      await client.command('EHLO client.north.example');
      await client.command('MAIL FROM:<a@north.example>');
      return (await client.command('RCPT TO:<first@journal.north.example>')).code;
    };
    await one.fetch('/v1/definitions/first/suspend', { method: 'POST' });
    await eventually(async () => (await said(two)) >= 400, { what: 'a refusal' });
    await eventually(async () => (await statusOf(two, 'first')).serviceStatus === 'suspended');
    await two.fetch('/v1/definitions/first/activate', { method: 'POST' });
    await eventually(async () => (await said(one)) === 250, { what: 'an acceptance' });
  });

  test('mail that either has refused counts for both', async () => {
    await one.fetch('/v1/definitions/second/suspend', { method: 'POST' });
    const before = (await statusOf(one, 'second')).counts.rejected;
    const knock = async (daybook: Daybook): Promise<number> => {
      await using client = await SmtpClient.ready(daybook.smtpPort);
      await client.command('EHLO client.north.example');
      await client.command('MAIL FROM:<a@north.example>');
      return (await client.command('RCPT TO:<second@journal.north.example>')).code;
    };
    await eventually(async () => (await knock(two)) >= 400, { what: 'a refusal' });
    expect(await knock(one)).toBeGreaterThanOrEqual(400);
    await eventually(
      async () => {
        const counts = await Promise.all(
          [one, two].map(async (each) => (await statusOf(each, 'second')).counts.rejected),
        );
        return counts[0] === counts[1] && (counts[0] ?? 0) >= before + 2;
      },
      { what: 'one sum' },
    );
    await one.fetch('/v1/definitions/second/activate', { method: 'POST' });
    await eventually(async () => (await knock(two)) === 250, { what: 'an acceptance' });
  });

  test('a definition made on one is there on the other, and takes mail', async () => {
    const document = {
      description: 'Made at run time',
      transport: 'smtp',
      serviceEmailAddress: 'third@journal.north.example',
      deliveryWaitAttempts: 1,
    };
    const answer = await putDefinition(one, 'third', document);
    expect([answer.status, await answer.text()]).toMatchObject([201, expect.any(String)]);
    await eventually(async () => (await two.fetch('/v1/definitions/third')).status === 200);
  });

  test('one is killed: the other finishes what it had taken, and goes on', async () => {
    const before = await deliver(
      one.smtpPort,
      ['first@journal.north.example', 'second@journal.north.example'],
      lunchReport('before-kill'),
    );
    await one.end('SIGKILL');
    for (const id of before.ids) await archived(two, id, 40_000);
    const after = await deliver(two.smtpPort, ['first@journal.north.example'], lunchReport('after-kill'));
    await archived(two, after.id);
    one = await one.restart();
    expect((await archived(one, after.id)).id).toBe((await archived(two, after.id)).id);
  });
});
