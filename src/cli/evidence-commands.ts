import type { Command } from 'commander';
import { api, type Globals, type Talk } from './api-command.ts';
import { CommandFailure, exitCodes } from './exit-codes.ts';
import type { VerifyAnswer } from './options.ts';

/** How often a running verification is asked how far it is. */
const lookAgainMs = 500;

interface Verification {
  readonly state: 'never' | 'running' | 'done' | 'failed';
  readonly bytes: number;
  readonly report: VerifyAnswer | null;
  readonly error: string | null;
}

/** Commands about what the archive can prove. */
export function addEvidenceCommands(program: Command, talk: Talk): void {
  addVerify(program, talk);
  addProve(program, talk);
  addHead(program, talk);
}

function addVerify(program: Command, talk: Talk): void {
  const { out, err, actions } = talk;
  const more = (value: string, before: readonly string[]): readonly string[] => [...before, value];
  api(program, 'verify', 'check every stored byte; changes nothing', 'daybook verify --against head-2026-11-25.json')
    .option('--quick', 'the index, the keys, all footers and the last segment', false)
    .option(
      '--against <file>',
      'heads kept elsewhere (daybook head, or the file of an anchor); may be repeated',
      more,
      [],
    )
    .action(async (globals: Globals & { quick: boolean; against: readonly string[] }) => {
      const { config, quick, url } = globals;
      const progress = (bytes: number): void => {
        if (err.colours) err.write(`\r${Math.round(bytes / 1_048_576)} MB read`);
      };
      const options = { config, quick, heads: globals.against };
      const own = url === undefined ? await actions.verify(options, progress) : null;
      if (own === null && globals.against.length > 0) {
        throw new CommandFailure(exitCodes.usage, '--against reads the folder itself: stop the engine first');
      }
      const found = own ?? (await verifyRunning(talk, globals, progress));
      if (err.colours) err.write('\r');
      out.write(globals.json ? `${JSON.stringify(found)}\n` : textOf(found));
      if (found.faults.length > 0) throw new CommandFailure(exitCodes.failed, `${found.faults.length} faults`);
      if (found.unchecked?.length) throw new CommandFailure(exitCodes.tryAgain, 'not all of it could be checked');
    });
}

async function verifyRunning(talk: Talk, globals: Globals, progress: (bytes: number) => void): Promise<VerifyAnswer> {
  const client = await talk.client(globals);
  let current = await client.post<Verification>('/v1/verify');
  while (current.state === 'running') {
    progress(current.bytes);
    await talk.pause(lookAgainMs);
    current = await client.get<Verification>('/v1/verify');
  }
  if (current.report === null)
    throw new CommandFailure(exitCodes.failed, current.error ?? 'the verification ended early');
  return current.report;
}

function textOf({
  records,
  bytes,
  heads,
  anchored,
  deleted,
  unread,
  keyIds,
  size,
  root,
  faults,
  unchecked = [],
}: VerifyAnswer): string {
  const gone = deleted === 0 ? '' : `, ${deleted} payloads deleted by policy`;
  const kept = anchored === 0 ? '' : `, ${anchored} heads of anchors`;
  const lines = faults.map(({ file, text }) => `DAMAGED ${file}: ${text}\n`).join('');
  const seen = `${records} records, ${bytes} bytes read, ${heads} signed heads${kept}${gone}\n`;
  const sealed = keyIds.length === 0 ? '' : `encrypted under the master key ${keyIds.join(' and ')}\n`;
  const blind = unread === 0 ? '' : `${unread} records could not be looked into: their key is not at hand\n`;
  const skipped = unchecked.map(({ file, text }) => `NOT CHECKED ${file}: ${text}\n`).join('');
  const whole = skipped === '' ? 'no fault\n' : 'no fault in what was checked\n';
  const end = faults.length === 0 ? whole : '';
  const tree = size === 0 && records > 0 ? '' : `tree of ${size} records, root ${root}\n`;
  return `${lines}${skipped}${seen}${sealed}${blind}${tree}${end}`;
}

function addProve(program: Command, talk: Talk): void {
  api(
    program,
    'prove <id>',
    'a message with what proves it, for who has no Daybook',
    'daybook prove 01K… --to proof.json',
  )
    .requiredOption('--to <file>', 'where to write it; must not be there yet')
    .action(async (id: string, globals: Globals & { to: string }) => {
      const client = await talk.client(globals);
      const path = `/v1/intake/${encodeURIComponent(id)}`;
      const proof = await client.get<Record<string, unknown>>(`${path}/proof`);
      const bytes = Buffer.from(await client.raw(`${path}/raw`)).toString('base64');
      await talk.actions.writeFile(globals.to, `${JSON.stringify({ ...proof, bytes }, null, 2)}\n`);
      if (globals.json) talk.out.write(`${JSON.stringify({ id, file: globals.to })}\n`);
      talk.err.write(`${globals.to} written; check it with packaging/check-proof.mjs\n`);
    });
}

function addHead(program: Command, talk: Talk): void {
  api(
    program,
    'head',
    'a signed head over all records, to be kept elsewhere',
    'daybook head > head-2026-11-25.json',
  ).action(async (globals: Globals) => {
    const answer = await (await talk.client(globals)).get<Record<string, unknown>>('/v1/head');
    talk.out.write(`${JSON.stringify(answer)}\n`);
  });
}
