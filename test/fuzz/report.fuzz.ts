/**
 * Coverage-guided fuzzing of the report room: `npx tsx test/fuzz/report.fuzz.ts [seconds] [seed]`.
 * Inputs that reach code no input reached before are kept and mutated further; coverage comes from the engine's own
 * profiler, so nothing has to be installed. Fails on a throw, a broken promise (see check-parsed.ts), or an input that
 * takes more than a second, and prints that input. The same seed tries the same inputs for as long as it runs.
 */
import { Session } from 'node:inspector';
import { unwrap } from '../../src/report/unwrap.ts';
import type { Parsed } from '../../streams/message.ts';
import type { UnwrapOptions } from '../../streams/ports.ts';
import { checkParsed } from '../support/check-parsed.ts';
import { buildBounce, buildMessage, buildProtectedPair, buildReport, unwrapOptions } from '../support/mail.ts';

const hangMs = 1000;
const sizeLimitBytes = 8192;
/** Asking for coverage costs far more than a run; so many runs share one question. */
const runsPerLook = 16;

const words = [
  '\r\n',
  '\n',
  '\r\n\r\n',
  '\r\n--B\r\n',
  '\r\n--B--\r\n',
  '--',
  ':',
  ';',
  ',',
  '"',
  '(',
  ')',
  '<',
  '>',
  '@',
  '=',
  '\0',
  '\xff',
  ' ',
  '\t',
  '\\',
  'X-MS-Journal-Report:\r\n',
  'X-WM-Journal-Report: journal\r\n',
  'Content-Identifer: ExJournalReport\r\n',
  'Sender: a@b.example\r\n',
  'Subject: ',
  'Message-ID: <m1@north.example>\r\n',
  'To: ',
  'Bcc: ',
  'Recipient: ',
  'Recipients:\r\n\t',
  'SentUtc: 3/2/2026 9:00:00 AM\r\n',
  ', Expanded: ',
  ', Forwarded: ',
  '[EX:/o=x]',
  'SMTP:',
  'From: ',
  'Date: Mon, 2 Mar 2026 09:00 GMT\r\n',
  'Received: by x; ',
  'X-MS-Exchange-Organization-BCC: c@d.example\r\n',
  'Content-Type: ',
  'multipart/mixed; boundary=B',
  'multipart/report; boundary=N',
  'multipart/digest; boundary="x"',
  'message/rfc822',
  'message/delivery-status',
  'text/plain; charset=',
  'text/html',
  'utf-16',
  'iso-2022-jp',
  '; format=flowed; delsp=yes',
  'application/ms-tnef',
  'application/octet-stream; name=x.eml',
  "name*0*=utf-8''%41",
  'Content-Transfer-Encoding: ',
  'base64',
  'quoted-printable',
  'x-uuencode',
  '=?utf-8?B?',
  '=?iso-2022-jp?q?',
  '?=',
  '=0D=0A',
  '&#65;',
  '<br>',
  '<style>',
  'Content-Class: rpmsg.message\r\n',
  '\ufeff',
  'From x\r\n',
  '__proto__',
].map((word) => Buffer.from(word, word === '\xff' ? 'latin1' : 'utf8'));

const corpus: Buffer[] = [
  buildMessage({ headers: ['X-MS-Exchange-Organization-BCC: legal@north.example,\r\n eve@north.example'] }),
  buildReport({
    recipients: [{ address: 'bo@north.example', via: [{ kind: 'expanded', address: 'all@north.example' }] }],
  }),
  buildReport({ family: 'none', textEncoding: 'base64', lines: ['Received: 3/2/2026'] }),
  buildReport({ family: 'ms2003', lines: ['\t"Cy" <cy@north.example>, di@north.example'] }),
  buildReport({ family: 'workmail', originalEncoding: 'base64' }),
  buildReport({ originals: Object.values(buildProtectedPair()), messageId: '<m3@north.example>' }),
  buildReport({ text: 'Sender: ada@north.example<br>To: bo@north.example', textType: 'text/html' }),
  buildBounce(buildReport()),
  buildBounce(
    buildMessage(),
    'Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: rfc822; bo@north.example\r\nAction: relayed',
  ),
];

const seconds = Number(process.argv[2] ?? 20);
const seed = Number(process.argv[3] ?? Date.now() & 0x7fffffff) || 1;
console.log(`seed ${seed}, ${seconds} s`);
const random = xorshift(seed);
const coverage = openCoverage();
const end = performance.now() + seconds * 1000;
let runs = 0;
let slowestMs = 0;
let batch: Buffer[] = [];

for (const sample of corpus) attempt(sample);
coverage.grew();
while (performance.now() < end) {
  const input = mutate(pick(corpus));
  attempt(input);
  batch.push(input);
  if (batch.length < runsPerLook) continue;
  if (coverage.grew()) keepThoseThatGrow(batch);
  batch = [];
}
const rate = Math.round(runs / seconds);
console.log(
  `${runs} runs, ${rate}/s, corpus ${corpus.length}, blocks ${coverage.blocks()}, slowest ${slowestMs.toFixed(1)} ms: no fault`,
);

function attempt(input: Buffer): void {
  const options = someOptions();
  try {
    const { parsed, tookMs } = timed(input, options);
    slowestMs = Math.max(slowestMs, tookMs);
    if (tookMs > hangMs) throw new Error(`took ${Math.round(tookMs)} ms`);
    checkParsed(parsed, input, options);
  } catch (fault) {
    console.error(`seed ${seed}, run ${runs}, options ${JSON.stringify(options)}`);
    console.error(`input (base64): ${input.toString('base64')}`);
    console.error(fault);
    process.exit(1);
  }
  runs += 1;
}

/** The best of three when the first try is slow: a busy machine can hold up one run, not the same one thrice. */
function timed(input: Buffer, options: UnwrapOptions): { parsed: Parsed; tookMs: number } {
  let tookMs = Number.POSITIVE_INFINITY;
  for (let tries = 0; ; tries += 1) {
    const start = performance.now();
    const parsed = unwrap(input, options);
    tookMs = Math.min(tookMs, performance.now() - start);
    if (tookMs <= hangMs || tries === 2) return { parsed, tookMs };
  }
}

/** Some input of the batch reached something new. Which one is not known; two of them are kept to go on from. */
function keepThoseThatGrow(inputs: readonly Buffer[]): void {
  for (let kept = 0; kept < 2; kept += 1) corpus.push(pick(inputs));
  if (corpus.length > 5000) corpus.splice(20, 1000);
}

function someOptions(): UnwrapOptions {
  return unwrapOptions({
    journalType: random(8) === 0 ? 'standard' : 'eej',
    preferClearTextVersion: random(2) === 0,
    removeJournalHeaders: random(2) === 0,
    trustedRecipientHeaders: random(2) === 0 ? [] : ['x-envelope-to', 'received', '__proto__'],
  });
}

function mutate(input: Buffer): Buffer {
  let bytes = input;
  for (let edits = random(5); edits >= 0; edits -= 1) {
    const at = place(bytes);
    const before = bytes.subarray(0, at);
    const after = bytes.subarray(at);
    const other = pick(corpus);
    const choices = [
      () => [before, pick(words), after],
      () => [before, after.subarray(random(40))],
      () => [before, before.subarray(random(at + 1)), after],
      () => [before, other.subarray(random(other.length + 1))],
      () => [before, Buffer.from([random(256)]), after.subarray(1)],
      () => [before, pick(words), pick(words), after.subarray(random(12))],
    ];
    bytes = Buffer.concat(pick(choices)());
    if (bytes.length > sizeLimitBytes) bytes = bytes.subarray(0, sizeLimitBytes);
  }
  return bytes;
}

/** Anywhere, or at the end or beginning of a line: that is where mail changes its meaning. */
function place(bytes: Buffer): number {
  const at = random(bytes.length + 1);
  const lineEnd = bytes.indexOf(10, at);
  const kind = random(3);
  if (kind === 0 || lineEnd === -1) return at;
  return kind === 1 ? lineEnd + 1 : Math.max(0, lineEnd - 1);
}

function pick<T>(from: readonly T[]): T {
  return from[random(from.length)]!;
}

function xorshift(start: number): (below: number) => number {
  let state = start;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** Block coverage of the report room since the last question. Calls on a session of this thread answer at once. */
function openCoverage(): { grew(): boolean; blocks(): number } {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  const seen = new Set<string>();
  return {
    grew: () => {
      const before = seen.size;
      session.post('Profiler.takePreciseCoverage', (error, answer) => {
        if (error !== null) throw error;
        for (const script of answer.result) {
          if (!script.url.includes('/src/report/')) continue;
          for (const { ranges } of script.functions) {
            for (const range of ranges) {
              // How often, roughly: a loop run a hundred times is another state than one run once.
              if (range.count > 0)
                seen.add(
                  `${script.url} ${range.startOffset} ${range.endOffset} ${Math.min(2, Math.floor(Math.log10(range.count)))}`,
                );
            }
          }
        }
      });
      return seen.size > before;
    },
    blocks: () => seen.size,
  };
}
