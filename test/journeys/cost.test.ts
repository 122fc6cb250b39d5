import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { figuresOf } from '../../bench/process-figures.ts';
import { runLoad } from '../../bench/run-load.ts';
import { eventually } from '../support/eventually.ts';
import { statusOf } from '../support/journal-api.ts';
import { threadCpuMs } from '../support/thread-cpu.ts';

const recipient = 'journal@journal.north.example';
const config = `
logLevel: error
store: { minimumFree: 1MB }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: ${recipient}, deliveryWaitAttempts: 1 }
`;
const size = 76_800;
const warming = 400;
const measured = 1_600;
const connections = 20;

/** Sends reports by the load program of the bench, and waits for the last of `inAll` to be archived. */
async function load(daybook: Daybook, count: number, inAll: number): Promise<void> {
  await runLoad({ port: daybook.smtpPort, connections, count, bytes: size, recipient });
  const archived = async (): Promise<boolean> => (await statusOf(daybook, 'exchange')).counts.archived === inAll;
  await eventually(archived, { withinMs: 60_000, what: `${inAll} archived` });
}

/** CPU that one SHA-256 of a message takes on this machine now, in seconds: what all else is compared with. */
function hashSeconds(): number {
  const bytes = Buffer.alloc(size, 'Zm9v');
  const startedAt = threadCpuMs();
  for (let at = 0; at < measured; at += 1) createHash('sha256').update(bytes).digest();
  return (threadCpuMs() - startedAt) / 1_000 / measured;
}

/** The most memory it ever had, in MB. */
const peakMb = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;

interface Counted {
  readonly allocatedBytes: number;
  readonly syncs: number;
  readonly writes: number;
}

/**
 * A guard over the bench: each bound is half as much again as the figure was when it was set, that of the CPU on a machine
 * with ten times the work it has cores for: a thread that is often put aside finds its caches cold, which a hash does not
 * mind.
 */
test('a message of 75 KB costs what it did: CPU by SHA-256, garbage, bytes written, syncs and memory', async () => {
  const file = join(tmpdir(), `daybook-cost-${process.pid}`);
  const probe = pathToFileURL(join(import.meta.dirname, '../support/cost-probe.mjs'));
  probe.searchParams.set('file', file);
  try {
    await using daybook = await startDaybook({ config, nodeArguments: ['--import', probe.href] });
    await load(daybook, warming, warming);
    process.kill(daybook.pid, 'SIGUSR2');
    const before = figuresOf(daybook.pid);
    await load(daybook, measured, warming + measured);
    const after = figuresOf(daybook.pid);
    process.kill(daybook.pid, 'SIGUSR2');
    const text = await eventually(() => readFile(file, 'utf8').catch(() => undefined), { what: 'the probe' });
    const counted = JSON.parse(text) as Counted;
    const cost = {
      cpuByHash: (after.cpuSeconds - before.cpuSeconds) / measured / hashSeconds(),
      garbageKb: counted.allocatedBytes / measured / 1_024,
      writtenByByte: (after.writtenBytes - before.writtenBytes) / (measured * size),
      syncs: counted.syncs / measured,
      writes: counted.writes / measured,
      peakMb: peakMb(daybook.pid),
    };
    console.log(JSON.stringify(cost));
    const bounds = { cpuByHash: 53, garbageKb: 212, writtenByByte: 1.6, syncs: 0.25, writes: 0.25, peakMb: 240 };
    const over = Object.entries(cost).filter(([name, value]) => !(value <= bounds[name as keyof typeof cost]));
    expect(over).toEqual([]);
    expect(cost.garbageKb).toBeGreaterThan(20);
    expect(counted.syncs).toBeGreaterThan(0);
  } finally {
    await rm(file, { force: true });
  }
}, 120_000);
