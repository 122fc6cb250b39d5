import { existsSync, statSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ulid } from 'ulid';
import { firstValue } from '../src/engine/first-value.ts';
import { openStore, type Store } from '../src/store/open-store.ts';
import type { MessageQuery } from '../streams/ports.ts';
import { known, mailOf, observationOf } from './archive-mail.ts';
import { median } from './harness.ts';

/**
 * What an archive costs as it grows: a store is filled with generated messages, straight through custody and archive, and
 * searched and opened again on the way. No SMTP and no parsing: `smtp-throughput` has those.
 *
 *   node dist/bench/archive-growth.js [--count 20000] [--steps 4] [--folder FOLDER]
 */
const { values: options } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    steps: { type: 'string', default: '4' },
    folder: { type: 'string', default: tmpdir() },
  },
});
const count = Number(options.count);
const steps = Number(options.steps);
/** Messages at once, as many connections would bring them. */
const group = 1_000;
const pages = 20;

const dataDir = await mkdtemp(join(options.folder, 'daybook-growth-'));
try {
  let store = await open();
  for (let step = 1; step <= steps; step += 1) {
    const [first, last] = [Math.floor((count * (step - 1)) / steps), Math.floor((count * step) / steps)];
    const filled = await timed(() => fill(store, first, last));
    const searches = await searchCosts(store, last);
    await store[Symbol.asyncDispose]();
    const opened = await timed(async () => {
      store = await open();
    });
    show(last, {
      'messages/s': (last - first) / (filled.ms / 1_000),
      'CPU ms/message': filled.cpuMs / (last - first),
      ...searches,
      'open, ms': opened.ms,
      'index, bytes/message': (await bytesIn(join(dataDir, 'index'))) / last,
      'resident, MB': process.memoryUsage.rss() / 1e6,
    });
  }
  await store[Symbol.asyncDispose]();
} finally {
  await rm(dataDir, { recursive: true, force: true });
}

function open(): Promise<Store> {
  const segmentBytes = 256 * 1024 * 1024;
  return openStore({ dataDir, bytes: 'segments', segmentBytes, now: Date.now, journalTypeOf: () => 'eej' });
}

async function fill(store: Store, first: number, last: number): Promise<void> {
  for (let at = first; at < last; at += group) {
    const numbers = Array.from({ length: Math.min(group, last - at) }, (_, more) => at + more);
    const mails = new Map(await Promise.all(numbers.map((n) => take(store, n))));
    const { items } = await firstValue(store.spool.due('bench', Date.now(), group));
    await firstValue(
      store.archive.settle(
        items.map((item) => {
          const mail = mails.get(item.intakeId);
          if (mail === undefined) throw new Error(`${item.intakeId} came from elsewhere`);
          const parsed = { ...item, parsed: mail };
          const observation = observationOf(item, mail);
          return {
            item: parsed,
            keys: [mail.matchKey ?? ''],
            decide: () => ({ kind: 'insert', observation, collidesWith: [] }) as const,
          };
        }),
      ),
    );
  }
}

async function take(store: Store, n: number) {
  const { text, mail } = mailOf(n, count);
  const intakeId = ulid();
  const receipt = store.custody.begin();
  await receipt.write(Buffer.from(text));
  await receipt.commit({
    targets: [{ intakeId, definitionId: 'bench', definitionVersion: 1 }],
    ...{ origin: 'journal', receivedAt: Date.now() },
    transport: {
      ...{ kind: 'smtp', peer: '127.0.0.1', mailFrom: '', rcptTo: ['journal@north.example'] },
      ...{ tls: null, authenticatedAs: null, uidl: null },
    },
  });
  return [intakeId, mail] as const;
}

/** CPU of one page of a hundred, median over several pages, in milliseconds. */
async function searchCosts(store: Store, size: number): Promise<Readonly<Record<string, number>>> {
  // Of the ten years that the archive will have, the oldest are there first.
  const year = 365 * 86_400_000;
  const [since, until] = [known.until - 9.8 * year, known.until - 9 * year];
  const queries: Readonly<Record<string, Partial<MessageQuery>>> = {
    'all, ms': {},
    'participant, ms': { mailbox: known.everywhere },
    'rare participant, ms': { mailbox: known.rarely },
    'date, ms': { since, until },
    'Message-ID, ms': { messageId: `<${Math.floor(size / 2)}.archive@north.example>` },
    'participant and date, ms': { mailbox: known.everywhere, since, until },
    'participant and word, ms': { mailbox: known.everywhere, subject: known.commonWord },
    'participant and rare word, ms': { mailbox: known.everywhere, subject: known.rareWord },
    'disjoint, ms': { mailbox: known.rarely, subject: known.rareWord },
    'sender and recipient, ms': { from: 'person-0@north.example', to: known.everywhere },
  };
  const costs: Record<string, number> = {};
  for (const [name, query] of Object.entries(queries)) {
    const taken: number[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < pages; page += 1) {
      const { cpuMs, answer } = await timed(() => store.messages.find({ ...query, limit: 100, cursor }));
      taken.push(cpuMs);
      cursor = answer.next ?? undefined;
    }
    costs[name] = median(taken);
    costs[name.replace(', ms', ', first')] = taken[0] ?? 0;
  }
  return costs;
}

async function timed<T>(
  run: () => Promise<T>,
): Promise<{ readonly ms: number; readonly cpuMs: number; readonly answer: T }> {
  const [cpu, from] = [process.cpuUsage(), performance.now()];
  const answer = await run();
  const { user, system } = process.cpuUsage(cpu);
  return { ms: performance.now() - from, cpuMs: (user + system) / 1_000, answer };
}

async function bytesIn(folder: string): Promise<number> {
  const paths = (await readdir(folder)).map((name) => join(folder, name));
  // LevelDB takes files away meanwhile.
  return paths.reduce((sum, path) => sum + (existsSync(path) ? statSync(path).size : 0), 0);
}

function show(size: number, figures: Readonly<Record<string, number>>): void {
  console.log(`\n${size} messages`);
  for (const [name, figure] of Object.entries(figures)) {
    console.log(`  ${name.padEnd(32)} ${figure.toPrecision(4).padStart(10)}`);
  }
}
