import { join } from 'node:path';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { freePort } from '../../bench/peers/free-port.ts';
import { canariesState } from '../../src/engine/canaries.ts';
import type { CanaryState } from '../../src/engine/canary-book.ts';
import type { Status } from '../../src/http/status.schema.ts';
import { readNoted } from '../../src/noted-file.ts';
import { eventually } from '../support/eventually.ts';
import { all, intakeOf, putDefinition, statusOf } from '../support/journal-api.ts';
import { deliver } from '../support/journey-mail.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';

const definitionOf = (id: string, mailPort: number, limit: string) => ({
  description: id,
  transport: 'smtp',
  serviceEmailAddress: `${id}@journal.north.example`,
  journalType: 'standard',
  deliveryWaitAttempts: 1,
  canary: {
    ...{ host: '127.0.0.1', port: mailPort, security: 'none', from: `${id}@north.example`, to: 'canary@north.example' },
    ...{ interval: '2h', limit },
  },
});

/** The limit of `patient` is longer than this test: it passes because it came. */
const config = (worker: string, url: string, mailPort: number): string => `
logLevel: warn
store: { backend: cluster, minimumFree: 1MB }
cluster: { postgres: "${url}", bodies: postgres, worker: ${worker}, synchronousStandby: none }
directory: { internalDomains: [north.example], addresses: [bo@north.example] }
definitions: ${JSON.stringify([{ id: 'patient', ...definitionOf('patient', mailPort, '1h') }])}
`;

/** The mail system of both: what it is given it hands to nobody, until the test journals it. */
interface MailSystem extends AsyncDisposable {
  readonly port: number;
  /** Canaries of that definition that were sent since the last call. */
  sent(definition: string): readonly Buffer[];
}

describe.skipIf(postgresLeftOut())('a canary whose journal copy comes to another worker', () => {
  let postgres: Postgres;
  let mail: MailSystem;
  let one: Daybook;
  let two: Daybook;
  beforeAll(async () => {
    [postgres, mail] = [await startPostgres(), await openMailSystem()];
    one = await startDaybook({ config: config('one', postgres.url, mail.port) });
    two = await startDaybook({ config: config('two', postgres.url, mail.port) });
    await isRun('patient');
  });
  afterAll(async () => {
    await one?.[Symbol.asyncDispose]();
    await two?.[Symbol.asyncDispose]();
    await mail?.[Symbol.asyncDispose]();
    await postgres?.[Symbol.asyncDispose]();
  });

  const statusIn = async (daybook: Daybook, id: string) =>
    (await statusOf(daybook, id)) as unknown as Status & { readonly worker?: string };
  const holderOf = async (daybook: Daybook, id: string) => (await statusIn(daybook, id)).worker ?? null;
  /** Both know of it, and who runs it. */
  const isRun = (id: string) =>
    eventually(
      async () => {
        const [a, b] = await Promise.all([one, two].map((each) => holderOf(each, id).catch(() => null)));
        return a !== null && a === b;
      },
      { what: `who runs ${id}`, withinMs: 30_000 },
    );
  /** By the one that holds it, as that one says. */
  const canaryOf = async (id: string) => {
    const holder = (await holderOf(one, id)) === 'one' ? one : two;
    return (await statusIn(holder, id)).canary;
  };
  /** Hands over what is on its way; answers the intakes. */
  const journal = async (to: Daybook, id: string): Promise<readonly string[]> => {
    const accepted: string[] = [];
    for (const each of mail.sent(id))
      accepted.push((await deliver(to.smtpPort, [`${id}@journal.north.example`], each)).id);
    return accepted;
  };
  const standing = (id: string, wanted: string, withinMs: number) =>
    eventually(async () => (await canaryOf(id))?.standing === wanted, { withinMs, what: `${id}: ${wanted}` });
  const missed = async (): Promise<number> =>
    (await all<{ type: string }>(one, '/v1/events')).filter(({ type }) => type === 'canary.missed').length;

  test('the one that sent it is told, long before its time is over', async () => {
    const other = (await holderOf(one, 'patient')) === 'one' ? two : one;
    await eventually(
      async () => {
        await journal(other, 'patient');
        return (await canaryOf('patient'))?.standing === 'passed';
      },
      { withinMs: 40_000, what: 'a canary that passed' },
    );
    expect(await missed()).toBe(0);
  }, 60_000);

  /** Sends one, kills who has sent it, hands it over to the other and starts the former. False: the other one runs it now. */
  async function killedUnderWay(id: string): Promise<boolean> {
    // Made here, so that its limit, which is over soon, begins here.
    const made = await putDefinition(one, id, definitionOf(id, mail.port, '20s'));
    expect(made.status).toBe(201);
    await isRun(id);
    const isOne = (await holderOf(one, id)) === 'one';
    const [holder, other] = isOne ? [one, two] : [two, one];
    // On disk that the server has it, or it is sent anew.
    await eventually(async () => (await keptBy(holder))[id]?.underWay?.taken, {
      what: 'the canary',
      withinMs: 30_000,
    });
    await holder.end('SIGKILL');
    const intakeId = (await journal(other, id)).at(-1);
    await eventually(async () => {
      const item = await intakeOf(other, intakeId ?? '');
      return item.state === 'skipped' && item.reason === 'canary';
    });
    const again = await holder.restart();
    if (isOne) one = again;
    else two = again;
    return (await holderOf(again, id)) === (isOne ? 'one' : 'two');
  }

  test('the one that sent it was killed meanwhile: it looks for it before it calls it missing', async () => {
    // What a former life held is free: now and then the other one looks before the new life does, and has it.
    const ids = ['hasty', 'hastier', 'hastiest'];
    let found: string | undefined;
    for (const id of ids) {
      if (found === undefined && (await killedUnderWay(id))) found = id;
    }
    expect(found, 'one that its sender has again').toBeDefined();
    await standing(found ?? '', 'passed', 50_000);
    const ofIt = (await all<{ type: string; definition: string }>(one, `/v1/events?definition=${found}`)).map(
      ({ type }) => type,
    );
    expect(ofIt).not.toContain('canary.missed');
  }, 180_000);
});

/** What a worker has on disk of its canaries. */
async function keptBy({ directory }: Daybook): Promise<Readonly<Partial<Record<string, CanaryState>>>> {
  const noted = await readNoted(join(directory, 'data', canariesState));
  return noted.kind === 'value' ? (noted.value as Record<string, CanaryState>) : {};
}

async function openMailSystem(): Promise<MailSystem> {
  let taken: readonly Buffer[] = [];
  const server = new SMTPServer({
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    logger: false,
    onData: (stream, _, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        taken = [...taken, Buffer.concat(chunks)];
        done();
      });
    },
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    port,
    sent: (definition) => {
      const found = taken.filter((each) => each.includes(`From: ${definition}@north.example`));
      taken = taken.filter((each) => !found.includes(each));
      return found;
    },
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
