import type { Daybook } from '../../bench/peers/daybook.ts';
import type { Canary, Outlet } from './canary.ts';
import { dateOf, idOf } from './journey-mail.ts';
import { buildMessage, buildReport } from './mail.ts';
import type { Pop3Script } from './pop3-server.ts';
import { SmtpClient, stuff } from './smtp-client.ts';
import { makeTlsPair } from './tls-pair.ts';

/** One secret for each place that takes one, right or wrong, and words of mail. None is part of another. */
export const passwords = {
  literal: 'Canary-literal-7Qx1',
  environment: 'Canary-environment-7Qx2',
  file: 'Canary-file-7Qx3',
  mailbox: 'Canary-mailbox-7Qx4',
  repeated: 'Canary-repeated-7Qx5',
  given: 'Canary-given-7Qx6',
  sealed: 'Canary-sealed-7Qx7',
  refused: 'Canary-refused-7Qx8',
  applied: 'Canary-applied-7Qx9',
  faulty: 'Canary-faulty-7Qy1',
  wrongPlain: 'Canary-wrongplain-7Qy2',
  wrongLogin: 'Canary-wronglogin-7Qy3',
  asCommand: 'Canary-ascommand-7Qy4',
  asName: 'Canary-asname-7Qy5',
  wrongToken: 'Canary-wrongtoken-7Qy6',
  basic: 'Canary-basic-7Qy7',
  inQuery: 'Canary-inquery-7Qy8',
  viewer: 'Canary-viewer-7Qz1',
  operator: 'Canary-operator-7Qz2',
  auditor: 'Canary-auditor-7Qz3',
  admin: 'Canary-admin-7Qz4',
} as const;
export const words = {
  subject: 'canarysubject5kd1',
  body: 'canarybody5kd2',
  header: 'canaryheader5kd3',
  fileName: 'canaryfilename5kd4',
  bcc: 'canarybcc5kd5',
} as const;

export const tls = makeTlsPair();
/** Lines of the private key; the first tells the curve and is the same in each. */
const keyLines = tls.key.split('\n').filter((line) => /^[\w+/=]{30,}$/.test(line));
const named = (kind: string, texts: Readonly<Record<string, string>>): readonly Canary[] =>
  Object.entries(texts).map(([name, text]) => ({ name: `${kind} ${name}`, text }));
export const secretCanaries: readonly Canary[] = [
  ...named('password', passwords),
  ...keyLines.slice(1).map((text, at) => ({ name: `line ${at} of the TLS key`, text })),
];
export const mailCanaries: readonly Canary[] = named('mail', words);

const definition = (id: string, lines: string): string =>
  `  - id: ${id}
    description: ${id}
    serviceEmailAddress: ${id}@journal.north.example
    deliveryWaitAttempts: 1
    detailedLogging: true
    ${lines}
`;
const loggedIn = (password: string): string =>
  `transport: smtp\n    smtp: { useSmtpAuthentication: true, password: "${password}" }`;
/** Spelled out, since it looks like a template with a mistake. */
export const reference = (kind: 'env' | 'file', name: string): string => `$\{${kind}:${name}}`;
const pulled = (port: number, password: string): string =>
  `transport: pop3\n    pop3: { host: 127.0.0.1, port: ${port}, mailboxName: box, password: ${password}, encrypted: false }`;

/** Everything that has a secret, with the logs as talkative as they get. */
export function configuration(ports: { readonly mailbox: number; readonly repeating: number }): string {
  return `
logLevel: debug
store: { minimumFree: 1MB }
pop3: { pollInterval: 200ms, timeout: 5s }
directory: { internalDomains: [north.example] }
definitions:
${definition('open', 'transport: smtp')}
${definition('literal', loggedIn(passwords.literal))}
${definition('environment', loggedIn(reference('env', 'CANARY')))}
${definition('file', loggedIn(reference('file', 'secret.txt')))}
${definition('mailbox', pulled(ports.mailbox, passwords.mailbox))}
${definition('repeating', pulled(ports.repeating, passwords.repeated))}
`;
}
export const tokensOption = `tokens: [${(['viewer', 'operator', 'auditor', 'admin'] as const)
  .map((role) => `{ name: the-${role}, role: ${role}, token: ${passwords[role]} }`)
  .join(', ')}]`;

/** A report whose every place that holds words of a person holds one of ours. */
export function wordyReport(name: string, more = ''): Buffer {
  const { subject, body, header, fileName, bcc } = words;
  const attached = `--A\r\nContent-Type: text/plain; name="${fileName}.txt"\r\nContent-Disposition: attachment; filename="${fileName}.txt"\r\n\r\n${body}\r\n`;
  const original = buildMessage({
    messageId: idOf(name),
    date: dateOf(),
    subject,
    headers: [`X-Private: ${header}`, 'Content-Type: multipart/mixed; boundary=A'],
    body: `--A\r\n\r\n${body} ${more}\r\n${attached}--A--\r\n`,
  });
  const recipients = [{ address: 'bo@north.example' }, { address: `${bcc}@north.example`, type: 'bcc' } as const];
  return buildReport({ messageId: idOf(name), subject, recipients, originals: [original] });
}

/** A server that repeats the password wherever a person might be shown it, and the mail as well. */
export const repeating: Pop3Script = (command, { number, write, honestly }) => {
  const [verb = '', argument = ''] = command.split(' ', 2);
  if (verb !== 'PASS') {
    if (verb !== 'RETR') return false;
    // Content that was never stuffed nor announced: what stands behind the first dot looks like an answer.
    write(`+OK\r\n${words.body}\r\n.\r\n${words.body} ${words.subject}\r\n`);
    return true;
  }
  const answers = [`-ERR no such password: ${argument}`, `what is ${argument}?`, `+OK\r\n+OK hello ${argument}`];
  const answer = answers[(number - 1) % 4];
  if (answer === undefined) honestly();
  else write(`${answer}\r\n`);
  return true;
};

const base64 = (text: string): string => Buffer.from(text).toString('base64');

/** Logs in as told, then sends one message; resolves with the answer to it. */
export async function sendAs(daybook: Daybook, id: string, password: string, bytes: Buffer): Promise<string> {
  await using client = await SmtpClient.ready(daybook.smtpPort);
  const address = `${id}@journal.north.example`;
  await client.command(`AUTH PLAIN ${base64(`\0${address}\0${password}`)}`);
  return (await client.mail([address], bytes)).text;
}

/** What clients do that they should not: each in a session of its own, since a few wrong logins are all one gets. */
export async function misbehave(daybook: Daybook): Promise<void> {
  const { wrongPlain, wrongLogin, asCommand, asName } = passwords;
  const address = 'literal@journal.north.example';
  const sessions: readonly (readonly string[])[] = [
    [`AUTH PLAIN ${base64(`\0${address}\0${wrongPlain}`)}`, `AUTH PLAIN ${wrongPlain}`],
    ['AUTH LOGIN', base64(address), base64(wrongLogin), 'AUTH LOGIN', wrongLogin, wrongLogin],
    [`PASS ${asCommand}`, asCommand, `AUTH ${asCommand}`, `MAIL ${asCommand}`, `MAIL FROM:<a b ${asCommand}`],
    ['PASS', `RCPT TO: ${asCommand} ${address}`, `MAIL FROM:<> ${asCommand}\u0001`, `EHLO ${asCommand} ${asCommand}`],
    [`AUTH PLAIN ${base64(`${asName}\0${asName}\0${asName}`)}`, `AUTH XOAUTH2 ${base64(asName)}`],
  ];
  for (const commands of sessions) {
    await using client = await SmtpClient.ready(daybook.smtpPort);
    for (const command of commands) {
      await client.send(`${command}\r\n`);
      await client.replyOrEnd();
    }
  }
  await talkBlindly(daybook);
}

/** A client that looks at no answer: its DATA is refused, and lines of a mail come where commands should. */
async function talkBlindly(daybook: Daybook): Promise<void> {
  await using client = await SmtpClient.ready(daybook.smtpPort);
  const lines = Object.values(words).flatMap((word) => [word, `MAIL FROM: ${word}`, `RCPT TO:<${word} ${word}>`]);
  const mail = stuff(Buffer.from(`${lines.join('\r\n')}\r\n`));
  await client.send('MAIL FROM:<>\r\nRCPT TO:<literal@journal.north.example>\r\nDATA\r\n');
  await client.send(mail);
  await client.send('QUIT\r\n');
  await client.closed;
}

/** Everything the API says to everybody, and to each of these tokens. */
export const openRoutes = [
  '/healthz',
  '/readyz',
  '/openapi.json',
  '/docs',
  '/',
  '/metrics',
  '/v1/status',
  '/v1/health?strict',
  '/v1/definitions',
  '/v1/definitions/literal',
  '/v1/definitions/given',
  '/v1/definitions/sealed',
  '/v1/definitions/mailbox/status',
  '/v1/definitions/repeating/status',
  '/v1/events?limit=500',
  '/v1/ledger',
  '/v1/verify',
  '/v1/head',
  '/v1/intake?limit=500',
] as const;

/** What each route says to each role, and to a token that is wrong. */
export async function heard(
  daybook: Daybook,
  paths: readonly string[],
  names: readonly (keyof typeof passwords)[] = ['wrongToken', 'viewer', 'operator', 'auditor', 'admin'],
): Promise<readonly Outlet[]> {
  const outlets: Outlet[] = [];
  for (const name of names) {
    for (const path of paths) {
      const answer = await daybook.fetch(path, { headers: { authorization: `Bearer ${passwords[name]}` } });
      const said = `${answer.status} ${JSON.stringify([...answer.headers])} ${await answer.text()}`;
      outlets.push({ name: `${path} for ${name}`, text: said });
    }
  }
  return outlets;
}
