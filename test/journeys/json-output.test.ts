import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { isOnCluster } from '../../bench/peers/other-backend.ts';
import { actions } from '../../src/actions.ts';
import { leavesOf } from '../../src/cli/command-tree.ts';
import { runCommand } from '../../src/cli/program.ts';
import { theCommandTree } from '../../src/reference-document.ts';
import { eventually } from '../support/eventually.ts';
import { statusOf } from '../support/journal-api.ts';
import { command } from '../support/journey-cli.ts';
import { deliver, lunchReport, sha256 } from '../support/journey-mail.ts';
import { sentOf } from '../support/journey-reports.ts';
import { keyBytesOf } from '../support/master-keys.ts';
import { noTerminal } from '../support/no-terminal.ts';

const service = ['journal@journal.north.example'];
/** An archive in a cluster is not encrypted, and is backed up with its database. */
const ofFiles = isOnCluster() ? ['backup', 'rekey', 'restore'] : [];
const config = `
logLevel: error
store: { minimumFree: 1MB${isOnCluster() ? '' : ', encryption: { keyFile: master.key }'} }
directory: { internalDomains: [north.example] }
definitions:
  - { id: exchange, description: Exchange, transport: smtp, serviceEmailAddress: journal@journal.north.example, deliveryWaitAttempts: 1 }
  - id: mailbox
    description: Mailbox
    transport: pop3
    suspended: true
    serviceEmailAddress: mailbox@journal.north.example
    pop3: { host: 127.0.0.1, port: 1, mailboxName: journal, password: none, encrypted: false }
`;
const made = { id: 'made', description: 'Made', transport: 'smtp', serviceEmailAddress: 'made@journal.north.example' };

let folder: string;
let daybook: Daybook;
let alert: string;
let ids: { readonly entry: string; readonly intake: string; readonly held: string; readonly quarantined: string };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'daybook-json-'));
  for (const name of ['master.key', 'new.key']) await writeFile(join(folder, name), keyBytesOf(name), { mode: 0o600 });
  daybook = await startDaybook({ config, directory: folder });
  const intake = (await deliver(daybook.smtpPort, service, lunchReport('json'))).id;
  const quarantined = (await deliver(daybook.smtpPort, service, sentOf('no header', 'x').bytes)).id;
  const held = (await deliver(daybook.smtpPort, service, sentOf('over age', 'old').bytes)).id;
  await eventually(async () => (await statusOf(daybook, 'exchange')).processingQueue.messages === 0);
  const { items } = await daybook.get<{ items: { id: string }[] }>('/v1/messages');
  ids = { entry: items[0]!.id, intake, held, quarantined };
  alert = await eventually(async () => (await daybook.get<{ items: { id: string }[] }>('/v1/alerts')).items[0]?.id, {
    what: 'an alert of what is held or in quarantine',
  });
  await writeFile(join(folder, 'made.yaml'), JSON.stringify(made));
  await writeFile(join(folder, 'report.eml'), lunchReport('fresh'));
});
afterAll(async () => {
  await daybook?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** The binary's own commands without a process for each: forty starts of node would be most of the time. */
async function inProcess(argv: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const screen = (of: 'stdout' | 'stderr') => ({
    write: (text: string) => {
      written[of] += text;
    },
    colours: false,
  });
  const options = { version: '0.0.0', now: () => Date.now(), pause: async (ms: number) => void (await pause(ms)) };
  const code = await runCommand(argv, {
    ...options,
    actions: actions({ version: '0.0.0', exit: () => undefined }),
    out: screen('stdout'),
    err: screen('stderr'),
    terminal: noTerminal,
  });
  return { code, ...written };
}

/** Every command of the tree with `--json`, in an order in which each finds what it needs (the last four the engine stopped). */
const rows = (): Readonly<Record<string, readonly string[]>> => ({
  init: ['--yes', '--domain', 'north.example'],
  check: [],
  status: [],
  top: [],
  'definitions list': [],
  'definitions show': ['exchange'],
  'definitions apply': ['-f', join(folder, 'made.yaml')],
  'definitions dry-run': ['made', '-f', join(folder, 'made.yaml'), '--last', '10'],
  'definitions suspend': ['made'],
  'definitions activate': ['exchange'],
  'definitions poll': ['mailbox'],
  'definitions test': ['exchange'],
  'definitions delete': ['made'],
  'messages list': [],
  'messages show': [ids.entry],
  'messages raw': [ids.entry],
  'intake list': [],
  'intake show': [ids.intake],
  'intake raw': [ids.intake],
  'intake reparse': [],
  'alerts list': [],
  'alerts acknowledge': [alert],
  'alerts test': [],
  'intake retry': [ids.quarantined],
  'intake release': [ids.held],
  events: [],
  gaps: [],
  explain: [join(folder, 'report.eml'), '--definition', 'exchange'],
  verify: [],
  prove: [ids.intake, '--to', join(folder, 'proof.json')],
  head: [],
  import: [join(folder, 'report.eml'), '--definition', 'exchange'],
  export: ['--to', join(folder, 'out'), '--format', 'eml'],
  'holds place': ['case-7', '--reason', 'a case', '--mailbox', 'nobody@north.example'],
  'holds list': [],
  'holds show': ['case-7'],
  'holds lift': ['case-7'],
  'retention show': [],
  'retention resume': ['--reason', 'the clock is right'],
  'messages delete': [ids.entry, '--reason', 'asked for'],
  backup: ['--to', join(folder, 'backup')],
  demo: ['--once'],
  'rebuild-index': [],
  repair: ['--plan'],
  rekey: ['--to', join(folder, 'new.key')],
  restore: ['--from', join(folder, 'backup')],
});

test('each command with --json prints JSON and nothing else', async () => {
  const table = rows();
  // Those of a move need a database server: migrate.test.ts reads their JSON.
  const leaves = leavesOf(theCommandTree()).filter(
    ({ words, options }) => words[0] !== 'migrate' && options.some(({ flags }) => flags === '--json'),
  );
  expect(Object.keys(table).toSorted()).toEqual(leaves.map(({ words }) => words.join(' ')).toSorted());
  for (const [name, args] of Object.entries(table)) {
    if (ofFiles.includes(name)) continue;
    if (name === 'rebuild-index') await daybook.end('SIGTERM');
    if (name === 'restore') await rm(join(folder, 'data'), { recursive: true });
    const file = name === 'init' ? join(folder, 'first.yaml') : daybook.configFile;
    const { code, stdout, stderr } = await inProcess([...name.split(' '), ...args, '--json', '--config', file]);
    if (name === 'definitions poll') {
      // Refused, for it is suspended: that is said on standard error alone.
      expect([code, stdout, stderr.includes('suspended')], name).toEqual([1, '', true]);
      continue;
    }
    expect(code, `${name}: ${stdout}${stderr}`).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    for (const line of lines) expect(() => JSON.parse(line) as unknown, `${name}: ${line}`).not.toThrow();
    if (name === 'messages raw') {
      const { bytes } = JSON.parse(stdout) as { bytes: string };
      const entry = await daybook.get<{ sha256: string }>(`/v1/messages/${ids.entry}`);
      expect(sha256(Buffer.from(bytes, 'base64'))).toBe(entry.sha256);
    }
    if (name === 'demo') expect(JSON.parse(stdout)).toMatchObject({ asExpected: true });
  }
}, 120_000);

test('check --json names each fault with its place, and exits 78', async () => {
  await writeFile(join(folder, 'wrong.yaml'), 'logLevel: loud\n');
  const { code, stdout } = await command(['check', '--json', '--config', 'wrong.yaml'], { cwd: folder });
  expect(code).toBe(78);
  expect(JSON.parse(stdout)).toEqual({
    file: 'wrong.yaml',
    definitions: 0,
    faults: [expect.objectContaining({ file: 'wrong.yaml', line: 1, column: 11, path: 'logLevel' })],
    warnings: [],
  });
});
