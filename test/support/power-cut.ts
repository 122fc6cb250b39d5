import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { verifyData } from '../../src/engine/verification.ts';
import { eventually } from './eventually.ts';
import { openFaultyDisk } from './faulty-disk.ts';
import { difference, promised, statusOf } from './journal-api.ts';
import { lunchReport, received, sha256 } from './journey-mail.ts';
import { below } from './prng.ts';
import { SmtpClient } from './smtp-client.ts';

const shell = promisify(execFile);
const recipient = 'journal@journal.north.example';
const config = `
logLevel: error
store: { minimumFree: 1MB, segmentSize: 2MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1 }
`;
const sizes = [200, 4_000, 30_000, 75_000, 400_000] as const;
const senders = 6;

/** What one cut came to. */
export interface CutEnd {
  readonly acknowledged: number;
  readonly lost: number;
  readonly changed: number;
  /** What `verify` says of the folder afterwards. */
  readonly faults: readonly string[];
}

/**
 * Cuts the power under load: the data directory lies on an ext4 of its own in a file; the engine is killed, and the file
 * copied at once, so that the copy has what the file system had handed to its disk and nothing that only lay in memory.
 * The copy is mounted, which replays its journal, and the engine started on it. Needs root and a loop device.
 * `withoutSync`: syncs are said to be done and are not, as by a disk that lies; then mail must be lost.
 */
export async function cutPower(random: () => number, { withoutSync = false } = {}): Promise<CutEnd> {
  const base = await mkdtemp(join(tmpdir(), 'daybook-power-'));
  const [image, copy, live, after] = ['image', 'copy', 'live', 'after'].map((name) => join(base, name)) as [
    string,
    string,
    string,
    string,
  ];
  await Promise.all([mkdir(live), mkdir(after)]);
  const mounted: string[] = [];
  const mount = async (from: string, to: string): Promise<void> => {
    await shell('mount', ['-o', 'loop', from, to]);
    mounted.push(to);
  };
  try {
    await shell('truncate', ['-s', '400M', image]);
    await shell('mkfs.ext4', ['-q', '-F', '-m', '0', image]);
    await mount(image, live);
    const promises = await runUntilCut(join(live, 'd'), random, withoutSync, async () => {
      await shell('cp', ['--sparse=always', image, copy]);
    });
    // Its journal is replayed by the mount; whether it is in order is for the engine to see.
    await mount(copy, after);
    return await judge(join(after, 'd'), promises);
  } finally {
    for (const folder of mounted.reverse()) await shell('umount', ['-l', folder]).catch(() => undefined);
    await rm(base, { recursive: true, force: true });
  }
}

/** Sends from several connections; answers what was acknowledged by the moment of the cut. */
async function runUntilCut(
  directory: string,
  random: () => number,
  withoutSync: boolean,
  cut: () => Promise<void>,
): Promise<ReadonlyMap<string, string>> {
  await mkdir(directory);
  await using liar = withoutSync ? await openFaultyDisk() : undefined;
  await liar?.fail({ call: 'sync', error: 'none' });
  const env = liar === undefined ? {} : { ...liar.env, DAYBOOK_FAULTY_DIR: directory };
  await using daybook = await startDaybook({ config, directory, env });
  const promises = new Map<string, string>();
  const state = { stopped: false };
  const sending = Array.from({ length: senders }, (_, at) => send(daybook, `s${at}`, { promises, state, random }));
  const enough = 40 + below(random, 160);
  await eventually(async () => promises.size >= enough, { what: `${enough} acknowledged messages` });
  process.kill(daybook.pid, 'SIGKILL');
  const atCut = new Map(promises);
  await cut();
  state.stopped = true;
  await Promise.all(sending);
  return atCut;
}

interface Sending {
  readonly promises: Map<string, string>;
  readonly state: { stopped: boolean };
  readonly random: () => number;
}

async function send(daybook: Daybook, name: string, { promises, state, random }: Sending): Promise<void> {
  try {
    await using client = await SmtpClient.ready(daybook.smtpPort);
    for (let n = 0; !state.stopped; n += 1) {
      const filler = Buffer.alloc(sizes[below(random, sizes.length)] ?? 0, `epilogue ${name} ${n}\r\n`);
      const report = Buffer.concat([lunchReport(`${name}.${n}`), filler]);
      const { code, text } = await client.mail([recipient], report, '');
      const [id] = code === 250 ? promised(text).ids : [];
      if (id !== undefined) promises.set(id, sha256(received(report)));
    }
  } catch (error) {
    if (!/closed|ECONN|EPIPE/.test(String(error))) throw error;
  }
}

async function judge(directory: string, promises: ReadonlyMap<string, string>): Promise<CutEnd> {
  // Not even the folder need be there, where nothing was synced.
  await mkdir(directory, { recursive: true });
  await using daybook = await startDaybook({ config, directory });
  let [lost, changed] = [0, 0];
  for (const [id, sum] of promises) {
    const answer = await daybook.fetch(`/v1/intake/${id}/raw`);
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (!answer.ok) lost += 1;
    else if (createHash('sha256').update(bytes).digest('hex') !== sum) changed += 1;
  }
  const faults: string[] = [];
  await eventually(async () => {
    const status = await statusOf(daybook, 'exchange');
    if (difference(status) !== 0) faults.push('the account does not add up');
    return status.processingQueue.messages === 0;
  });
  await daybook.end('SIGTERM');
  const report = await verifyData({ dataDir: join(directory, 'data'), bytes: 'segments', upTo: null });
  faults.push(...report.faults.map(({ file, text }) => `${file}: ${text}`));
  return { acknowledged: promises.size, lost, changed, faults };
}
