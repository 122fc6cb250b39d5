import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { isDeepStrictEqual, promisify } from 'node:util';
import { binary, type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { eventually } from '../support/eventually.ts';
import { all, type IntakeItem, promised, statusOf } from '../support/journal-api.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';
import { below, prng } from '../support/prng.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { encryptionOf, report } from './load.ts';

export interface MigrateOptions {
  readonly entries: number;
  /** Kills of a copy into the cluster, and of one back. */
  readonly kills: number;
  readonly seed: number;
  /** Whether the archive is encrypted, on both sides; it is in clear by default. */
  readonly encrypted?: boolean;
  readonly told: (text: string) => void;
}
export interface MigrateReport {
  /** What is not as it was promised; empty: all holds. */
  readonly findings: readonly string[];
  readonly records: number;
  /** Seconds of the copies without kills, and of their ends: from the stop of one side until the other is ready. */
  readonly copySeconds: number;
  readonly intoSeconds: number;
  readonly backCopySeconds: number;
  readonly backSeconds: number;
  readonly recordsPerSecond: number;
}

const config = (backend: string, url: string, { encrypted = false }: Pick<MigrateOptions, 'encrypted'>): string => `
logLevel: error
store: { backend: ${backend}, minimumFree: 1MB, segmentSize: 16MB${encryptionOf(encrypted)} }
cluster: { postgres: "${url}", bodies: postgres, worker: one }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: At once, transport: smtp, serviceEmailAddress: journal@journal.north.example, deliveryWaitAttempts: 1 }
  - { id: slow, description: Waits, transport: smtp, serviceEmailAddress: slow@journal.north.example, initialProcessDelay: 24h }
`;
/** Connections that fill the archive; the engine takes more of them, this machine does not gain by it. */
const lines = 8;
const waitingItems = 200;
/** A copy of 100,000 messages takes minutes. */
const endsWithinMs = 3_600_000;
const run = promisify(execFile);

/** An archive on its way into a cluster and back, with mail coming in and copies killed; `findings` is what does not hold. */
export async function migrations(options: MigrateOptions): Promise<MigrateReport> {
  await using postgres = await startPostgres();
  const move = await Move.open(postgres, options);
  try {
    return await move.run();
  } finally {
    await move.close();
  }
}

class Move {
  readonly #options: MigrateOptions;
  readonly #url: string;
  readonly #random: () => number;
  #daybook: Daybook;
  /** Promised with a 250: hash by id. */
  readonly #promises = new Map<string, string>();
  readonly #findings: string[] = [];
  #names = 0;

  private constructor(options: MigrateOptions, url: string, daybook: Daybook) {
    this.#options = options;
    this.#url = url;
    this.#daybook = daybook;
    this.#random = prng(options.seed);
  }

  static async open(postgres: Postgres, options: MigrateOptions): Promise<Move> {
    return new Move(options, postgres.url, await startDaybook({ config: config('embedded', postgres.url, options) }));
  }

  async close(): Promise<void> {
    await this.#daybook[Symbol.asyncDispose]();
    await rm(this.#daybook.directory, { recursive: true, force: true });
  }

  async run(): Promise<MigrateReport> {
    const { entries, told } = this.#options;
    await Promise.all(Array.from({ length: lines }, () => this.#send('journal', Math.ceil(entries / lines))));
    await this.#send('slow', waitingItems);
    await this.#settled();
    told(`${this.#promises.size} messages are in files`);
    const waiting = await this.#waiting();
    const copySeconds = await this.#copy('copy');
    const into = await this.#handOver(['finish'], 'cluster');
    told(`in the cluster after ${into.seconds.toFixed(1)} s`);
    await this.#examine('in the cluster', waiting);
    const verified = await this.#do(['verify', '--rate', '1GB']);
    if (!isDeepStrictEqual(verified['faults'], []))
      this.#findings.push(`verify: ${JSON.stringify(verified['faults'])}`);
    await this.#send('journal', 100);
    await this.#settled();
    const backCopySeconds = await this.#copy('back');
    const back = await this.#handOver(['back', '--finish'], 'embedded');
    told(`in files again after ${back.seconds.toFixed(1)} s`);
    await this.#examine('in files again', waiting);
    const records = Number(into.answer['records']);
    return {
      findings: this.#findings,
      records,
      copySeconds,
      intoSeconds: into.seconds,
      backCopySeconds,
      backSeconds: back.seconds,
      recordsPerSecond: Math.round(records / copySeconds),
    };
  }

  /** Copies that are killed, then one that is not; mail comes in meanwhile. */
  async #copy(name: 'copy' | 'back'): Promise<number> {
    const begun = performance.now();
    for (let kill = 0; kill < this.#options.kills; kill += 1)
      await this.#killed(name, 300 + below(this.#random, 1_500));
    await this.#send('journal', 50);
    const done = this.#do([name]);
    await this.#send('journal', 50);
    await done;
    await this.#settled();
    await this.#do([name]);
    return (performance.now() - begun) / 1_000;
  }

  async #killed(name: string, afterMs: number): Promise<void> {
    const child = spawn(process.execPath, [binary, 'migrate', name, '--config', this.#daybook.configFile], {
      stdio: 'ignore',
      timeout: afterMs,
      killSignal: 'SIGKILL',
    });
    await once(child, 'exit');
  }

  /** Stops one side and starts the other; how long nobody answered. */
  async #handOver(words: readonly string[], backend: string) {
    const { directory, smtpPort, httpPort, configFile } = this.#daybook;
    const begun = performance.now();
    await this.#daybook.end('SIGTERM');
    const answer = await this.#do(words);
    const text = await readFile(configFile, 'utf8');
    await writeFile(configFile, text.replace(/backend: \w+/, `backend: ${backend}`));
    this.#daybook = await startDaybook({
      config: config(backend, this.#url, this.#options),
      directory,
      ports: [smtpPort, httpPort],
    });
    return { answer, seconds: (performance.now() - begun) / 1_000 };
  }

  async #do(words: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
    const args = [binary, 'migrate', ...words, '--json', '--config', this.#daybook.configFile];
    const { stdout } = await run(process.execPath, args, { timeout: endsWithinMs, maxBuffer: 16 * 1024 * 1024 });
    return JSON.parse(stdout) as Readonly<Record<string, unknown>>;
  }

  async #send(to: string, count: number): Promise<void> {
    await using client = await SmtpClient.ready(this.#daybook.smtpPort);
    for (let n = 0; n < count; n += 1) {
      this.#names += 1;
      const bytes = report(`m${this.#names}`, 500 + below(this.#random, 2_000));
      const { code, text } = await client.mail([`${to}@journal.north.example`], bytes, 'Exchange@north.example');
      if (code !== 250) throw new Error(`${code} ${text}`);
      const { ids, sha256 } = promised(text);
      this.#promises.set(ids[0] ?? '', sha256);
    }
  }

  #settled(): Promise<unknown> {
    const isEmpty = async () => (await statusOf(this.#daybook, 'exchange')).processingQueue.messages === 0;
    return eventually(isEmpty, { withinMs: 120_000, what: 'an empty queue' });
  }

  /** Items in process and when each is due. */
  async #waiting(): Promise<ReadonlyMap<string, unknown>> {
    const items = await all<IntakeItem & { readonly nextAttemptAt: unknown }>(
      this.#daybook,
      '/v1/intake?definition=slow',
    );
    return new Map(items.map(({ id, nextAttemptAt }) => [id, nextAttemptAt]));
  }

  /** Every promise is there once, with its hash; what waited waits as long as before. */
  async #examine(where: string, waiting: ReadonlyMap<string, unknown>): Promise<void> {
    const seen = new Map<string, number>();
    for (const { id, sha256, state } of await all<IntakeItem>(this.#daybook, '/v1/intake')) {
      seen.set(id, (seen.get(id) ?? 0) + 1);
      if (this.#promises.get(id) !== sha256)
        this.#findings.push(`${where}: ${id} has another hash, or was never promised`);
      if (!waiting.has(id) && !['archived', 'matched'].includes(state))
        this.#findings.push(`${where}: ${id} is ${state}`);
    }
    for (const id of this.#promises.keys()) {
      if (seen.get(id) !== 1) this.#findings.push(`${where}: ${id} is there ${seen.get(id) ?? 0} times`);
    }
    if (!isDeepStrictEqual(await this.#waiting(), waiting)) this.#findings.push(`${where}: deadlines differ`);
  }
}
