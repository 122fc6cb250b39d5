import { existsSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { firstValue } from '../src/engine/first-value.ts';
import { openStore, type Store } from '../src/store/open-store.ts';
import type { ParsedMail } from '../streams/message.ts';
import { observationOf } from './archive-mail.ts';

/** Messages at once, as many connections would bring them. */
const group = 1_000;

interface Made {
  readonly text: string;
  readonly mail: ParsedMail;
}
interface Filling {
  readonly first: number;
  readonly last: number;
  /** The `n`th message. */
  readonly mailOf: (n: number) => Made;
}

/** A store as an engine opens it. */
export function openArchive(dataDir: string): Promise<Store> {
  const segmentBytes = 256 * 1024 * 1024;
  return openStore({ dataDir, bytes: 'segments', segmentBytes, now: Date.now, journalTypeOf: () => 'eej' });
}

/** Archives the messages from `first` to before `last`, straight through custody and archive. */
export async function fill(store: Store, { first, last, mailOf }: Filling): Promise<void> {
  for (let at = first; at < last; at += group) {
    const numbers = Array.from({ length: Math.min(group, last - at) }, (_, more) => at + more);
    const mails = new Map(await Promise.all(numbers.map((n) => take(store, mailOf(n)))));
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

async function take(store: Store, { text, mail }: Made) {
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

/** What a piece of work takes of this process. */
export async function timed<T>(
  run: () => Promise<T>,
): Promise<{ readonly ms: number; readonly cpuMs: number; readonly answer: T }> {
  const [cpu, from] = [process.cpuUsage(), performance.now()];
  const answer = await run();
  const { user, system } = process.cpuUsage(cpu);
  return { ms: performance.now() - from, cpuMs: (user + system) / 1_000, answer };
}

/** Of the files of a folder. */
export async function bytesIn(folder: string): Promise<number> {
  const paths = (await readdir(folder)).map((name) => join(folder, name));
  // LevelDB takes files away meanwhile.
  return paths.reduce((sum, path) => sum + (existsSync(path) ? statSync(path).size : 0), 0);
}

export function show(size: number, figures: Readonly<Record<string, number>>): void {
  console.log(`\n${size} messages`);
  for (const [name, figure] of Object.entries(figures)) {
    console.log(`  ${name.padEnd(32)} ${figure.toPrecision(4).padStart(10)}`);
  }
}
