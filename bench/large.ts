import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { parseArgs } from 'node:util';
import { oneDefinition, recipient } from './one-definition.ts';
import { startDaybook } from './peers/daybook.ts';

/**
 * Many large messages at once: resident memory must not follow their size. Writes CONNECTIONS × MEGABYTES to a temporary
 * folder and removes it. `npm run build && node dist/bench/large.js --connections 200 --megabytes 25`
 */
const { values: options } = parseArgs({
  options: { connections: { type: 'string', default: '200' }, megabytes: { type: 'string', default: '25' } },
});
const connections = Number(options.connections);
const megabytes = Number(options.megabytes);
const block = Buffer.from(`${'Zm9v'.repeat(19)}\r\n`.repeat(13_443), 'latin1');

await using daybook = await startDaybook({ config: oneDefinition() });
const startedAt = performance.now();
const answers = await Promise.allSettled(Array.from({ length: connections }, (_, at) => send(daybook.smtpPort, at)));
const seconds = (performance.now() - startedAt) / 1_000;
const failed = answers.filter((answer) => answer.status === 'rejected');
for (;;) {
  const { counts } = await daybook.get<{ counts: Record<string, number> }>('/v1/definitions/bench/status');
  if ((counts['archived'] ?? 0) + (counts['matched'] ?? 0) >= connections - failed.length) break;
  await new Promise((resolve) => setTimeout(resolve, 50));
}
const peakKb = Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${daybook.pid}/status`, 'utf8'))?.[1]);
const rate = (connections * megabytes) / seconds;
console.log(
  JSON.stringify({
    connections,
    megabytes,
    failures: failed.length,
    seconds,
    megabytesPerSecond: rate,
    peakResidentMb: peakKb / 1_024,
  }),
);
for (const failure of failed.slice(0, 3)) console.log(String(failure.reason));

/** One report of the wanted size; rejects on any answer but the expected one. */
async function send(port: number, at: number): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.setEncoding('latin1');
  await expect(socket, '220');
  for (const line of ['EHLO load.north.example', 'MAIL FROM:<a@north.example>', `RCPT TO:<${recipient}>`]) {
    socket.write(`${line}\r\n`);
    await expect(socket, '250');
  }
  socket.write('DATA\r\n');
  await expect(socket, '354');
  const id = `<large.${at}.${Date.now()}@north.example>`;
  const date = new Date().toUTCString().replace('GMT', '+0000');
  const report = `From: Journal <journal@north.example>\r\nX-MS-Journal-Report:\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="outer"\r\n\r\n--outer\r\n\r\nSender: ada@north.example\r\nMessage-Id: ${id}\r\nTo: bo@north.example\r\n\r\n--outer\r\nContent-Type: message/rfc822\r\n\r\n`;
  socket.write(
    `${report}From: ada@north.example\r\nTo: bo@north.example\r\nMessage-ID: ${id}\r\nDate: ${date}\r\n\r\n`,
  );
  for (let written = 0; written < megabytes * 1_048_576; written += block.length) {
    if (!socket.write(block)) await once(socket, 'drain');
  }
  const answered = expect(socket, '250');
  socket.write('--outer--\r\n.\r\n');
  await answered;
  socket.end('QUIT\r\n');
}

/** The next whole reply, which must begin with `code`. */
async function expect(socket: Socket, code: string): Promise<void> {
  let text = '';
  while (!/^\d{3} .*\r\n$/m.test(text)) {
    const [chunk] = (await once(socket, 'data')) as [string];
    text += chunk;
  }
  if (!text.startsWith(code)) throw new Error(text.trim());
}
