import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { freePort } from '../../bench/peers/free-port.ts';
import { eventually } from './eventually.ts';
import { all, type Entry, type IntakeItem, statusOf } from './journal-api.ts';
import { promiseIn } from './journey-mail.ts';
import { type Mixed, mixedRounds } from './mixed-mail.ts';
import { SmtpClient } from './smtp-client.ts';

/** What explain says of a message, and what the engine then does. */
interface Foretold {
  readonly outcome: string;
  readonly reason: string | null;
  readonly level: string | null;
  readonly family: string | null;
  readonly flags: readonly string[];
  readonly recipients: readonly { readonly address: string; readonly type: string }[];
  readonly entryId: string | null;
}
interface Asked {
  readonly mail: Mixed;
  readonly foretold: Foretold;
  readonly id: string;
}
export interface Agreement {
  readonly compared: number;
  /** Each that is otherwise than was foretold, for people. */
  readonly wrong: readonly string[];
  /** What the same parser says otherwise of what it has parsed, which should be nothing. */
  readonly reparsed: { readonly looked: number; readonly otherwise: readonly string[] };
  /** How often each outcome with its reason was foretold. */
  readonly outcomes: Readonly<Record<string, number>>;
}

const definitions = {
  exchange: '',
  standard: 'journalType: standard',
  clear: 'preferClearTextVersion: true, removeJournalHeaders: true',
  wide: 'journalNonInternalAddresses: true, journalUnknownInternalAddresses: true',
  unknowns: 'journalUnknownInternalAddresses: true',
  waiting: 'initialProcessDelay: 100ms, deliveryWaitAttempts: 2, deliveryWaitInterval: 100ms',
  extended: 'extendedDeduplication: true, deliveryWaitAttempts: 2, deliveryWaitInterval: 100ms',
} as const;
const places = [...Object.keys(definitions), 'gateway'];

const addressOf = (place: string): string =>
  place === 'gateway' ? 'bo@north.example' : `${place}@journal.north.example`;
const definitionLine = ([id, more]: readonly [string, string]): string =>
  `  - { id: ${id}, description: ${id}, transport: smtp, serviceEmailAddress: ${addressOf(id)}, ${[
    ...(more.includes('deliveryWaitAttempts') ? [] : ['deliveryWaitAttempts: 1']),
    ...(more === '' ? [] : [more]),
  ].join(', ')} }`;
const config = (gatewayPort: number, matching: string): string => `
logLevel: error
store: { minimumFree: 1MB }
gateway: { smtp: { port: ${gatewayPort} } }
matching: { extendedWait: 300ms, ${matching} }
directory: { internalDomains: [north.example], addresses: [ada@north.example, bo@north.example, legal@north.example] }
definitions:
${Object.entries(definitions).map(definitionLine).join('\n')}
`;

/** Asks explain about each message of a seed, then sends it, and compares what became of it. */
export async function agreementOf(
  seed: number,
  size: { readonly rounds: number; readonly size: number },
  matching: string,
) {
  const gatewayPort = await freePort();
  await using daybook = await startDaybook({ config: config(gatewayPort, matching) });
  const asked: Asked[] = [];
  const byContent = matching.includes('matchOnContent: true');
  const portOf = (place: string): number => (place === 'gateway' ? gatewayPort : daybook.smtpPort);
  for (const round of mixedRounds(seed, { ...size, places, byContent })) {
    asked.push(...(await askAndSend(daybook, round, portOf)));
    await drained(daybook);
  }
  asked.push(...(await pairs(daybook, seed, portOf)));
  await drained(daybook);
  return { ...(await compare(daybook, asked)), reparsed: await reparsed(daybook) };
}

/** How long the first copies wait; on a machine that is too busy for it, four times as long, with other mail. */
const firstWaitMs = 4_000;

async function pairs(daybook: Daybook, seed: number, portOf: (place: string) => number): Promise<readonly Asked[]> {
  for (let tried = 0; ; tried += 1) {
    const waiting = {
      place: `patient${tried}`,
      waitMs: firstWaitMs * 4 ** tried,
      seed: seed + 1_000_000 * (tried + 1),
    };
    const asked = await pairsWithin(daybook, waiting, portOf);
    if (asked !== null) return asked;
  }
}

/**
 * Copies that are asked about while the first one waits: for its definition after it, for another before it. Null where
 * the first ones did not wait until the others were archived: they were foretold as of before then.
 */
async function pairsWithin(
  daybook: Daybook,
  { place, waitMs, seed }: { readonly place: string; readonly waitMs: number; readonly seed: number },
  portOf: (place: string) => number,
): Promise<readonly Asked[] | null> {
  await addPatient(daybook, place, waitMs);
  const [firsts = []] = mixedRounds(seed, { rounds: 1, size: 16, places: [place], byContent: true });
  const first = await askAndSend(daybook, firsts, portOf);
  const parsed = async (): Promise<boolean> => {
    const { processingQueue } = await statusOf(daybook, place);
    return processingQueue.waiting.delayed === processingQueue.messages;
  };
  await eventually(parsed, { what: 'all first copies parsed' });
  const received = (await all<IntakeItem>(daybook, `/v1/intake?definition=${place}`)).map(
    ({ receivedAt }) => receivedAt,
  );
  const seconds = firsts.map((mail, at) => ({ ...mail, to: at % 2 === 0 ? place : 'exchange' }));
  const second = await askAndSend(daybook, seconds, portOf);
  const archived = async (): Promise<boolean> => (await statusOf(daybook, 'exchange')).processingQueue.messages === 0;
  await eventually(archived, { what: 'all copies that do not wait' });
  const wereInTime = Date.now() < Math.min(...received.map((at) => Date.parse(at))) + waitMs;
  return wereInTime ? [...first.filter(({ mail }) => firsts.indexOf(mail) % 2 === 0), ...second] : null;
}

async function addPatient(daybook: Daybook, id: string, waitMs: number): Promise<void> {
  const waits = { initialProcessDelay: `${waitMs}ms`, deliveryWaitAttempts: 1 };
  const answer = await daybook.fetch(`/v1/definitions/${id}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ id, description: id, transport: 'smtp', serviceEmailAddress: addressOf(id), ...waits }),
  });
  if (!answer.ok) throw new Error(`${id}: ${answer.status} ${await answer.text()}`);
}

const connections = 4;

async function askAndSend(daybook: Daybook, round: readonly Mixed[], portOf: (place: string) => number) {
  // The gateway's own copies are no journal mail: nobody asks about them.
  const foretold = await asking(daybook, round);
  const sent: Asked[] = [];
  const send = async (isGateway: boolean, queue: Iterable<Mixed>): Promise<void> => {
    await using client = await SmtpClient.ready(portOf(isGateway ? 'gateway' : ''));
    for (const mail of queue) {
      const { id } = promiseIn(await client.mail([addressOf(mail.to)], mail.bytes, 'MicrosoftExchange0@north.example'));
      const said = foretold.get(mail.name);
      if (said !== undefined) sent.push({ mail, foretold: said, id });
    }
  };
  const journal = round.filter(({ to }) => to !== 'gateway').values();
  const gateway = round.filter(({ to }) => to === 'gateway');
  await Promise.all([send(true, gateway), ...Array.from({ length: connections }, () => send(false, journal))]);
  return sent;
}

/** As many at once as the engine takes. */
async function asking(daybook: Daybook, round: readonly Mixed[]): Promise<ReadonlyMap<string, Foretold>> {
  const foretold = new Map<string, Foretold>();
  const queue = round.filter(({ to }) => to !== 'gateway').values();
  const ask = async (): Promise<void> => {
    for (const { name, to, bytes } of queue) {
      const answer = await daybook.fetch(`/v1/explain?whatIf=false&definition=${to}`, {
        method: 'POST',
        headers: { 'content-type': 'message/rfc822' },
        body: new Uint8Array(bytes),
      });
      if (!answer.ok) throw new Error(`${name}: ${answer.status} ${await answer.text()}`);
      foretold.set(name, (await answer.json()) as Foretold);
    }
  };
  await Promise.all([ask(), ask()]);
  return foretold;
}

async function drained(daybook: Daybook): Promise<void> {
  const look = async (): Promise<boolean> => {
    const page = await daybook.get<{ inProcess: number }>('/v1/ledger');
    return page.inProcess === 0;
  };
  await eventually(look, { what: 'an empty queue' });
}

async function reparsed(daybook: Daybook): Promise<Agreement['reparsed']> {
  const otherwise: string[] = [];
  let looked = 0;
  let cursor: string | null = null;
  do {
    const body: string = JSON.stringify({ limit: 200, ...(cursor === null ? {} : { cursor }) });
    const headers = { 'content-type': 'application/json' };
    const answer = await daybook.fetch('/v1/intake/reparse', { method: 'POST', headers, body });
    if (!answer.ok) throw new Error(`reparse: ${answer.status} ${await answer.text()}`);
    const page = (await answer.json()) as { looked: number; items: readonly object[]; next: string | null };
    looked += page.looked;
    otherwise.push(...page.items.map((item) => JSON.stringify(item)));
    cursor = page.next;
  } while (cursor !== null);
  return { looked, otherwise };
}

async function compare(daybook: Daybook, asked: readonly Asked[]): Promise<Omit<Agreement, 'reparsed'>> {
  const intake = new Map((await all<IntakeItem>(daybook, '/v1/intake')).map((item) => [item.id, item]));
  const entries = new Map((await all<RecordedEntry>(daybook, '/v1/messages')).map((entry) => [entry.id, entry]));
  const wrong: string[] = [];
  const outcomes: Record<string, number> = {};
  for (const { mail, foretold, id } of asked) {
    const name = [foretold.outcome, foretold.reason ?? ''].join(' ').trim();
    outcomes[name] = (outcomes[name] ?? 0) + 1;
    const item = intake.get(id);
    const observation = entries.get(item?.entryId ?? '')?.observations.find(({ intakeId }) => intakeId === id);
    const found = recorded(item, observation);
    const said = Object.fromEntries(Object.keys(found).map((key) => [key, foretold[key as keyof Foretold]]));
    if (JSON.stringify(said) !== JSON.stringify(found)) {
      wrong.push(
        `${mail.name} ${mail.kind} to ${mail.to}:\n  said  ${JSON.stringify(said)}\n  found ${JSON.stringify(found)}`,
      );
    }
  }
  return { compared: asked.length, wrong, outcomes };
}

type RecordedEntry = Omit<Entry, 'observations'> & {
  readonly observations: readonly (Entry['observations'][number] & {
    readonly recipients: readonly { readonly address: string; readonly type: string }[];
  })[];
};

/** What is recorded, in the words of the explanation: of what was not archived there is no observation. */
function recorded(item: IntakeItem | undefined, observation: RecordedEntry['observations'][number] | undefined) {
  const end = { outcome: item?.state ?? 'lost', reason: item?.reason ?? null };
  if (observation === undefined) return { ...end, flags: item?.flags ?? [], entryId: null };
  const { level, family, flags, recipients } = observation;
  const entryId = item?.state === 'matched' ? item.entryId : null;
  return {
    ...end,
    level,
    family,
    flags,
    recipients: recipients.map(({ address, type }) => ({ address, type })),
    entryId,
  };
}
