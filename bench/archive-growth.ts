import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Store } from '../src/store/open-store.ts';
import type { MessageQuery } from '../streams/ports.ts';
import { known, mailOf } from './archive-mail.ts';
import { bytesIn, fill, openArchive, show, timed } from './archive-store.ts';
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
const pages = 20;

const dataDir = await mkdtemp(join(options.folder, 'daybook-growth-'));
try {
  let store = await openArchive(dataDir);
  for (let step = 1; step <= steps; step += 1) {
    const [first, last] = [Math.floor((count * (step - 1)) / steps), Math.floor((count * step) / steps)];
    const filled = await timed(() => fill(store, { first, last, mailOf: (n) => mailOf(n, count) }));
    const searches = await searchCosts(store, last);
    await store[Symbol.asyncDispose]();
    const opened = await timed(async () => {
      store = await openArchive(dataDir);
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
