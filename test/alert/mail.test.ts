import type { AddressInfo } from 'node:net';
import { asyncScheduler, firstValueFrom, type SchedulerLike, Subject, VirtualTimeScheduler } from 'rxjs';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { expect, test } from 'vitest';
import { mailChannel } from '../../src/alert/mail.ts';
import { createOwnNotices } from '../../src/alert/own-notice.ts';
import { Secret } from '../../src/config/secret.ts';

const notices = createOwnNotices(new Uint8Array(32).fill(7));
const never = new AbortController().signal;

/** A relay that keeps what it is sent, with envelope and login. */
async function relay(options: SMTPServerOptions = {}) {
  const heard: { from: string; to: readonly string[]; user: string | undefined; text: string }[] = [];
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    authOptional: true,
    allowInsecureAuth: true,
    logger: false,
    onAuth: ({ username, password }, _, done) =>
      password === 'right-password' ? done(null, { user: username }) : done(new Error(`no such login ${password}`)),
    onData: (stream, { envelope, user }, done) => {
      let text = '';
      stream.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      stream.on('end', () => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        heard.push({ from, to: envelope.rcptTo.map(({ address }) => address), user: user as string | undefined, text });
        done();
      });
    },
    ...options,
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    heard,
    port: (server.server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

type More = Partial<Parameters<typeof mailChannel>[0]> & { readonly clock?: SchedulerLike };

function channel(port: number, { clock = asyncScheduler, ...more }: More = {}) {
  const base = { host: '127.0.0.1', port, security: 'none', login: null } as const;
  const people = { from: 'daybook@north.example', to: ['olga@north.example', 'oncall@north.example'] };
  return mailChannel({ ...base, ...people, ...more }, { instance: 'mx1', notices, clock });
}
const headerOf = (text: string, name: string): string | undefined =>
  new RegExp(`^${name}: (.*(?:\r\n[ \t].*)*)`, 'im').exec(text)?.[1]?.replace(/\r\n\s*/g, ' ');

test('a mail says that no person wrote it, and carries a mark that only this engine can make', async () => {
  await using place = await relay();
  await channel(place.port).test({ signal: never });
  const [mail] = place.heard;
  expect(mail).toMatchObject({
    from: 'daybook@north.example',
    to: ['olga@north.example', 'oncall@north.example'],
  });
  const text = mail?.text ?? '';
  expect(headerOf(text, 'Auto-Submitted')).toBe('auto-generated');
  expect(headerOf(text, 'Subject')).toBe('[Daybook mx1] a test');
  const [mark, id] = [headerOf(text, 'X-Daybook-Notice') ?? '', headerOf(text, 'Message-ID') ?? ''];
  expect(notices.isOurs(mark, id)).toBe(true);
  expect(notices.isOurs(mark, '<another@north.example>')).toBe(false);
  expect(createOwnNotices(new Uint8Array(32).fill(8)).isOurs(mark, id)).toBe(false);
  expect(notices.isOurs('v1 ', id)).toBe(false);
});

test('it logs in where it is told to, and a refusal tells no password', async () => {
  await using place = await relay();
  const login = (password: string) => ({ login: { user: 'daybook', password: new Secret(password) } });
  await channel(place.port, login('right-password')).test({ signal: never });
  expect(place.heard[0]?.user).toBe('daybook');
  const failure = await channel(place.port, login('wrong-password'))
    .test({ signal: never })
    .catch((error: Error) => error.message);
  expect(failure).toMatch(/no such login/);
  expect(failure).not.toContain('wrong-password');
});

test.each([
  ['in clear', (password: string) => password],
  ['as AUTH LOGIN sends it', (password: string) => Buffer.from(password).toString('base64')],
  ['as AUTH PLAIN sends it', (password: string) => Buffer.from(`\0ada\0${password}`).toString('base64')],
  ['where the line is cut', (password: string) => `${'-'.repeat(150)} ${password}`],
])('a relay that repeats the password %s is not believed to keep it', async (_, repeated) => {
  const password = 'wrong-password, of two  words';
  await using place = await relay({
    onAuth: (__, ___, done) => done(new Error(`535 5.7.8 who is ${repeated(password)}?`)),
  });
  const failure = await channel(place.port, { login: { user: 'ada', password: new Secret(password) } })
    .test({ signal: never })
    .catch((error: Error) => error.message);
  expect(failure).toMatch(/who is/);
  expect(failure).not.toContain('wrong-pass');
  expect(failure).not.toContain(repeated(password).slice(-24, -4));
});

test('where TLS is asked for nothing is sent without it', async () => {
  await using place = await relay();
  await expect(channel(place.port, { security: 'starttls' }).test({ signal: never })).rejects.toThrow(/STARTTLS/);
  await expect(channel(place.port, { security: 'tls' }).test({ signal: never })).rejects.toThrow();
  expect(place.heard).toEqual([]);
});

test('a certificate that nobody vouches for is refused', async () => {
  await using place = await relay({ disabledCommands: [] });
  await expect(channel(place.port, { security: 'starttls' }).test({ signal: never })).rejects.toThrow(/certificate/);
  expect(place.heard).toEqual([]);
});

/** A relay that takes connections and says nothing; tells when the first one came, and when one was closed. */
async function silentRelay() {
  const [came, left] = [new Subject<void>(), new Subject<void>()];
  const [hasCome, hasLeft] = [firstValueFrom(came), firstValueFrom(left)];
  const place = await relay({ onConnect: () => came.next(), onClose: () => left.next() });
  return { ...place, hasCome, hasLeft };
}

/** By itself the connection ends after 30 s without a greeting: what is waited for less is closed by us. */
const soon = { timeout: 15_000 };

test('a relay that never greets holds up no stop of the engine, and its connection is closed', soon, async () => {
  await using place = await silentRelay();
  const ending = new AbortController();
  const sending = channel(place.port).test({ signal: ending.signal });
  await place.hasCome;
  ending.abort();
  await expect(sending).rejects.toThrow('the engine is stopping');
  await place.hasLeft;
  await expect(channel(place.port).test({ signal: ending.signal })).rejects.toThrow('the engine is stopping');
});

test('what is given up for its time is not sent any more: its connection is closed', soon, async () => {
  await using place = await silentRelay();
  const clock = new VirtualTimeScheduler();
  const sending = channel(place.port, { clock }).test({ signal: never });
  await place.hasCome;
  clock.flush();
  await expect(sending).rejects.toThrow('not sent within 120 s');
  await place.hasLeft;
});
