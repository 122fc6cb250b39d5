import { createHash } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { runLoad } from '../../bench/run-load.ts';
import { eventually } from '../support/eventually.ts';
import { filesOf, flipBit } from '../support/folders.ts';
import { all, type Entry, statusOf } from '../support/journal-api.ts';
import { command, type Ended } from '../support/journey-cli.ts';
import { masterKeyFile } from '../support/master-keys.ts';
import { below, prng } from '../support/prng.ts';

export interface DrillOptions {
  readonly messages: number;
  readonly seed: number;
  readonly encrypted: boolean;
}
export interface DrillFigures {
  readonly entries: number;
  readonly records: number;
  readonly copiedAgain: number;
  readonly faults: readonly string[];
}

const recipient = 'journal@journal.north.example';
const messageBytes = 20_000;
const connections = 8;
/** Entries whose bytes are read and hashed, beside the hashes of all. */
const readBack = 200;

/** Everything that a restore has to bring back, done once from the start to the end. */
export async function drill({ messages, seed, encrypted }: DrillOptions): Promise<DrillFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'daybook-drill-'));
  const random = prng(seed);
  const faults: string[] = [];
  const hold = (isRight: boolean, what: string): void => void (isRight || faults.push(what));
  const ended = (what: string, run: Ended, code = 0): Ended => {
    hold(run.code === code, `${what} ended with ${run.code}: ${run.stderr.slice(-300)}`);
    return run;
  };
  const config = configOf(encrypted);
  const backup = join(folder, 'backup');
  try {
    let daybook = await startDaybook({ config, directory: await mkdtemp(join(folder, 'first-')) });
    const on = (name: string, ...args: readonly string[]) => command([name, '--config', daybook.configFile, ...args]);
    const half = Math.floor(messages / 2);
    const loading = load(daybook, half);
    await eventually(async () => (await statusOf(daybook, 'exchange')).counts.received >= half / 4, {
      withinMs: 60_000,
    });
    ended('a backup while mail comes in', await on('backup', '--to', backup));
    await loading;
    await load(daybook, messages - half);
    await settled(daybook, messages);
    const [, copied = 0, total = 0] = (
      /([\d.]+) of ([\d.]+) MB copied/.exec(ended('a second backup', await on('backup', '--to', backup)).stdout) ?? []
    ).map(Number);
    const original = await shown(daybook);
    const headFile = join(folder, 'head.json');
    await writeFile(headFile, ended('a head', await on('head')).stdout);
    await daybook.end('SIGKILL');

    const directory = await mkdtemp(join(folder, 'second-'));
    await writeFile(join(directory, 'daybook.yaml'), `dataDir: ./data\n${config}`);
    const configFile = join(directory, 'daybook.yaml');
    ended('the restore', await command(['restore', '--config', configFile, '--from', backup]));
    const restored = await startDaybook({ config, directory });
    hold(same(original, await shown(restored)), 'what was restored is another archive');
    await restored.end('SIGTERM');
    ended('a check of what was restored', await command(['verify', '--config', configFile]));

    daybook = await daybook.restart();
    await daybook.end('SIGTERM');
    const data = join(daybook.directory, 'data');
    const sealed = (await filesOf(data)).filter((file) => file.endsWith('.seg')).slice(0, -1);
    for (const file of sealed.slice(0, 2)) {
      const { size } = await stat(join(data, file));
      await flipBit(join(data, file), below(random, size), below(random, 8));
    }
    ended('a check of what was damaged', await on('verify'), 1);
    ended('the repair', await on('repair', '--apply', '--from', backup));
    ended('the index made anew', await on('rebuild-index'));
    const { stdout } = ended(
      'a check of what was mended, against its old head',
      await on('verify', '--against', headFile),
    );
    daybook = await daybook.restart();
    hold(same(original, await shown(daybook)), 'what was mended is another archive');
    await daybook.end('SIGTERM');
    return {
      entries: original.entries.length,
      records: Number(/^(\d+) records/m.exec(stdout)?.[1] ?? 0),
      copiedAgain: total === 0 ? 0 : Math.round((copied / total) * 100) / 100,
      faults,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function configOf(encrypted: boolean): string {
  const encryption = encrypted ? `, encryption: { keyFile: ${masterKeyFile()} }` : '';
  return `
logLevel: error
store: { minimumFree: 1MB, segmentSize: 4MB${encryption} }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1 }
`;
}

const load = ({ smtpPort: port }: Daybook, count: number) =>
  runLoad({ port, connections, count, bytes: messageBytes, recipient });

async function settled(daybook: Daybook, received: number): Promise<void> {
  await eventually(
    async () => {
      const { counts, processingQueue } = await statusOf(daybook, 'exchange');
      return counts.received === received && processingQueue.messages === 0;
    },
    { withinMs: 120_000 },
  );
}

interface Shown {
  readonly entries: readonly (readonly [id: string, sha256: string])[];
  readonly ledger: unknown;
}

/** Every entry with its hash, some of them with the hash of their bytes as they are read, and the account. */
async function shown(daybook: Daybook): Promise<Shown> {
  const entries = await all<Entry & { readonly sha256: string }>(daybook, '/v1/messages');
  const every = Math.max(1, Math.floor(entries.length / readBack));
  for (const { id, sha256 } of entries.filter((_, at) => at % every === 0)) {
    const raw = Buffer.from(await (await daybook.fetch(`/v1/messages/${id}/raw`)).arrayBuffer());
    if (createHash('sha256').update(raw).digest('hex') !== sha256) throw new Error(`${id} has other bytes`);
  }
  return { entries: entries.map(({ id, sha256 }) => [id, sha256] as const), ledger: await daybook.get('/v1/ledger') };
}

const same = (one: Shown, other: Shown): boolean => JSON.stringify(one) === JSON.stringify(other);
