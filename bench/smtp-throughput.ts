import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { reached } from './counts.ts';
import { type Figure, figure, interleave, type Peer, type Round, report } from './harness.ts';
import { oneDefinition, recipient } from './one-definition.ts';
import { startDaybook } from './peers/daybook.ts';
import { freePort } from './peers/free-port.ts';
import { startHaraka } from './peers/haraka.ts';
import { startPostfix } from './peers/postfix.ts';
import { runLoad } from './run-load.ts';

/**
 * Accepting and archiving journal reports, against bare smtp-server that discards, Postfix that queues, and smtp-sink
 * that discards; the same load program for all. `npm run bench -- --rounds 3 --sizes 4096,76800 --connections 1,50`
 */
const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    sizes: { type: 'string', default: '4096,76800,1048576' },
    connections: { type: 'string', default: '1,10,50' },
    peers: { type: 'string', default: 'daybook,daybook-leveldb,bare,postfix,sink' },
    scale: { type: 'string', default: '1' },
    haraka: { type: 'string' },
    pipelined: { type: 'boolean', default: false },
  },
});
const countOf = (bytes: number, connections: number): number => {
  const whole = bytes <= 4_096 ? 6_000 : bytes <= 76_800 ? 3_000 : 300;
  return Math.round((connections === 1 ? whole / 4 : whole) * Number(options.scale));
};

/** Messages that warm a server before the measured ones: V8 compiles for the first thousands, an engine runs for months. */
const warmingOf = (bytes: number, connections: number): number => countOf(bytes, connections) * 2;

const load = (
  port: number,
  connections: number,
  bytes: number,
  count = countOf(bytes, connections),
): Promise<Round['load']> => runLoad({ port, connections, count, bytes, recipient, pipelined: options.pipelined });

type Kind = 'segments' | 'leveldb' | 'encrypted';
/** A key for as long as this runs, for the engine that encrypts. */
const keyFile = join(mkdtempSync(join(tmpdir(), 'daybook-bench-key-')), 'master.key');
writeFileSync(keyFile, randomBytes(32), { mode: 0o600 });
process.once('exit', () => rmSync(dirname(keyFile), { recursive: true }));

const stores: Readonly<Record<Kind, string>> = {
  segments: 'bytes: segments',
  leveldb: 'bytes: leveldb',
  encrypted: `bytes: segments, encryption: { keyFile: ${keyFile} }`,
};
function daybook(kind: Kind, connections: number, size: number): Peer {
  return {
    name: kind === 'segments' ? 'daybook' : `daybook-${kind}`,
    round: async (measure) => {
      await using server = await startDaybook({ config: oneDefinition({ store: stores[kind] }) });
      const warming = warmingOf(size, connections);
      await load(server.smtpPort, connections, size, warming);
      await reached(server, 'archived', warming);
      let archivedIn = 0;
      const round = await measure(server.pid, async () => {
        const startedAt = performance.now();
        const done = await load(server.smtpPort, connections, size);
        await reached(server, 'archived', warming + done.sent);
        archivedIn = (performance.now() - startedAt) / 1_000;
        return done;
      });
      return { ...round, extra: { archivedRatio: round.load.seconds / Math.max(archivedIn, round.load.seconds) } };
    },
  };
}

function command(name: string, argv: (port: number) => readonly string[], connections: number, size: number): Peer {
  return {
    name,
    round: async (measure) => {
      const port = await freePort();
      const [file = '', ...args] = argv(port);
      const child = spawn(file, args, { stdio: 'ignore' });
      try {
        await listening(port);
        await load(port, connections, size, warmingOf(size, connections));
        return await measure(child.pid ?? 0, () => load(port, connections, size));
      } finally {
        child.kill('SIGKILL');
      }
    },
  };
}

function postfix(connections: number, size: number): Peer {
  return {
    name: 'postfix',
    round: async (measure) => {
      const main = ['smtpd_recipient_restrictions = permit_mynetworks', 'smtpd_client_restrictions = static:HOLD'];
      await using server = await startPostfix({ port: await freePort(), main });
      await listening(server.port);
      await load(server.port, connections, size, warmingOf(size, connections));
      const round = await measure(server.pid, () => load(server.port, connections, size));
      for (const name of readdirSync(join(server.queueDirectory, 'hold')))
        rmSync(join(server.queueDirectory, 'hold', name), { recursive: true });
      return round;
    },
  };
}

/** Only where `--haraka` says where one is installed. */
function haraka(connections: number, size: number): Peer {
  return {
    name: 'haraka',
    round: async (measure) => {
      const port = await freePort();
      await using server = await startHaraka(options.haraka ?? '', port);
      await listening(port);
      await load(port, connections, size, warmingOf(size, connections));
      const queuedBefore = readdirSync(server.queueDirectory).length;
      const round = await measure(server.pid, () => load(port, connections, size));
      const queued = readdirSync(server.queueDirectory).length - queuedBefore;
      if (queued !== round.load.sent) throw new Error(`Haraka queued ${queued} of ${round.load.sent}`);
      return round;
    },
  };
}

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 500; tries += 1) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('data', () => resolve(true)).once('error', () => resolve(false));
      socket.once('close', () => resolve(false));
      setTimeout(() => socket.destroy(), 2_000).unref();
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nothing listens on ${port}`);
}

const makers: Readonly<Record<string, (connections: number, size: number) => Peer>> = {
  daybook: (connections, size) => daybook('segments', connections, size),
  'daybook-leveldb': (connections, size) => daybook('leveldb', connections, size),
  'daybook-encrypted': (connections, size) => daybook('encrypted', connections, size),
  bare: (connections, size) =>
    command(
      'bare smtp-server',
      (port) => [process.execPath, join(import.meta.dirname, 'peers/bare-smtp-server.js'), String(port)],
      connections,
      size,
    ),
  postfix,
  haraka,
  sink: (connections, size) =>
    command(
      'smtp-sink',
      (port) => ['smtp-sink', '-u', 'postfix', '-c', `127.0.0.1:${port}`, '1000'],
      connections,
      size,
    ),
};

const figures: Figure[] = [];
for (const size of options.sizes.split(',').map(Number)) {
  for (const connections of options.connections.split(',').map(Number)) {
    const peers = options.peers
      .split(',')
      .map((name) => makers[name]?.(connections, size))
      .filter((peer) => peer !== undefined);
    const bench = `${size}x${connections}${options.pipelined ? ' pipelined' : ''}`;
    for (const [peer, rounds] of await interleave(peers, Number(options.rounds))) {
      const of = (unit: string, value: (round: Round) => number): void =>
        void figures.push(figure({ bench, peer, unit }, rounds.map(value)));
      of('messages/s', ({ load: { sent, seconds } }) => sent / seconds);
      of('CPU ms/message', ({ cpuSeconds, load: { sent } }) => (cpuSeconds / sent) * 1_000);
      of('bytes written/byte', ({ writtenBytes, load: { sent } }) => writtenBytes / (sent * size));
      of('p50 ms', (round) => round.load.p50Ms);
      of('p99 ms', (round) => round.load.p99Ms);
      of('CPU ms/message of load', ({ load: { sent, cpuSeconds } }) => (cpuSeconds / sent) * 1_000);
      of('resident MB', ({ residentBytes }) => residentBytes / 1_048_576);
      if (rounds[0]?.extra !== undefined) of('archived/acknowledged', (round) => round.extra?.['archivedRatio'] ?? 0);
    }
  }
}
await report('smtp-throughput', figures);
