import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Daybook, startDaybook } from '../../bench/peers/daybook.ts';
import { freePort } from '../../bench/peers/free-port.ts';
import { eventually } from '../support/eventually.ts';
import { type Haproxy, startHaproxy } from '../support/haproxy.ts';
import { all, intakeOf } from '../support/journal-api.ts';
import { lunch, lunchReport, promiseIn } from '../support/journey-mail.ts';
import { leftOut, partner } from '../support/journey-partners.ts';
import { lineHeader } from '../support/proxy-headers.ts';
import { SmtpClient } from '../support/smtp-client.ts';
import { makeTlsPair } from '../support/tls-pair.ts';

/** All of them are loopback, and each is a machine of its own here. */
const balancer = '127.0.0.2';
const exchange = '127.0.0.3';
const stranger = '127.0.0.4';
const service = 'journal@journal.north.example';

const config = (gatewayPort: number): string => `
logLevel: info
store: { minimumFree: 1MB }
gateway: { smtp: { port: ${gatewayPort}, proxies: [${balancer}/32], authorizedSources: [${exchange}/32] } }
directory: { internalDomains: [north.example] }
definitions:
  - id: journal
    description: The journal
    transport: smtp
    serviceEmailAddress: ${service}
    deliveryWaitAttempts: 1
    smtp: { additionalSourceIpRanges: [${exchange}/32] }
`;

interface Rejected {
  readonly data: { readonly peer: string; readonly reason: string };
}
type Sections = 'line' | 'binary' | 'forgetful' | 'gateway';

describe.skipIf(leftOut({ programs: ['haproxy', 'openssl'] }))('behind HAProxy', () => {
  let daybook: Daybook;
  let haproxy: Haproxy<Sections>;
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'daybook-balancer-'));
    const { cert, key } = makeTlsPair('daybook.test');
    const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    await writeFile(certFile, cert);
    await writeFile(keyFile, key, { mode: 0o600 });
    const gatewayPort = await freePort();
    daybook = await startDaybook({
      config: config(gatewayPort),
      smtp: `proxies: [${balancer}/32], tls: { cert: ${certFile}, key: ${keyFile} }`,
    });
    const to = (port: number): string => `127.0.0.1:${port} source ${balancer}`;
    haproxy = await startHaproxy({
      line: { server: `${to(daybook.smtpPort)} send-proxy check inter 100ms` },
      binary: {
        more: 'option smtpchk EHLO balancer.north.example',
        server: `${to(daybook.smtpPort)} send-proxy-v2 check inter 100ms`,
      },
      forgetful: { server: to(daybook.smtpPort) },
      gateway: { server: `${to(gatewayPort)} send-proxy-v2` },
    });
  });
  afterAll(async () => {
    await haproxy?.[Symbol.asyncDispose]();
    await daybook?.[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  const rejected = () => all<Rejected>(daybook, '/v1/events?type=smtp.rejected');
  /** Resolves once there is such an event, which is written a moment after the answer. */
  const refused = (reason: string, peer: string) =>
    eventually(async () => (await rejected()).some(({ data }) => data.reason === reason && data.peer === peer), {
      what: `${reason} of ${peer}`,
    });

  test.each(['line', 'binary'] as const)('the client is who it is, in both versions (%s)', async (section) => {
    const port = haproxy.ports[section];
    await using allowed = await SmtpClient.ready(port, { localAddress: exchange });
    expect((await allowed.startTls()).code).toBe(220);
    await allowed.command('EHLO exchange.north.example');
    const { id } = promiseIn(await allowed.mail([service], lunchReport(section)));
    expect(await intakeOf(daybook, id)).toMatchObject({ transport: { peer: exchange, tls: 'TLSv1.3' } });
    await using other = await SmtpClient.ready(port, { localAddress: stranger });
    expect(await other.mail([service], lunchReport('strange'))).toMatchObject({
      code: 451,
      text: expect.stringMatching(/^4\.7\.1 /),
    });
    await refused('source', stranger);
  });

  test('a client that talks PROXY itself is nobody else for it', async () => {
    await using direct = await SmtpClient.connect(daybook.smtpPort, { localAddress: '127.0.0.5' });
    await direct.send(lineHeader({ source: exchange }));
    expect((await direct.reply()).code).toBe(220);
    expect((await direct.reply()).code).toBe(500);
    await direct.command('EHLO client.test');
    expect((await direct.mail([service], lunchReport('direct'))).text).toMatch(/^4\.7\.1 /);
    await refused('source', '127.0.0.5');
    // Through the balancer a second header is as little.
    await using through = await SmtpClient.connect(haproxy.ports.binary, { localAddress: '127.0.0.6' });
    await through.send(lineHeader({ source: exchange }));
    expect((await through.reply()).code).toBe(220);
    expect((await through.reply()).code).toBe(500);
    await through.command('EHLO client.test');
    expect((await through.mail([service], lunchReport('through'))).text).toMatch(/^4\.7\.1 /);
    await refused('source', '127.0.0.6');
  });

  test('health checks find it well, and are no news', async () => {
    for (const [section, status] of [
      ['line', 'L4OK'],
      ['binary', 'L7OK'],
    ] as const) {
      await eventually(async () => (await haproxy.checked(section)).status === status, {
        what: `${section} ${status}`,
      });
      expect((await haproxy.checked(section)).failed).toBe(0);
    }
    // HAProxy's own check of the port never completes its connection; others come, and go without a word.
    for (const leave of ['end', 'reset'] as const) {
      const check = await SmtpClient.connect(daybook.smtpPort, { localAddress: balancer });
      check[leave]();
      await check.closed;
    }
    await using later = await SmtpClient.ready(haproxy.ports.line, { localAddress: '127.0.0.7' });
    await later.mail([service], lunchReport('later'));
    await refused('source', '127.0.0.7');
    expect((await rejected()).filter(({ data }) => data.peer === balancer)).toEqual([]);
    expect(daybook.log()).not.toMatch(/"level":(40|50)|warn|error/i);
  });

  test('the gateway has a list of its own', async () => {
    const to = ['bo@north.example'];
    await using allowed = await SmtpClient.ready(haproxy.ports.gateway, { localAddress: exchange });
    const { id } = promiseIn(await allowed.mail(to, lunch('gateway'), 'ada@north.example'));
    expect(await intakeOf(daybook, id)).toMatchObject({ definition: null, transport: { peer: exchange } });
    await using other = await SmtpClient.ready(haproxy.ports.gateway, { localAddress: stranger });
    expect((await other.mail(to, lunch('strange'), 'ada@north.example')).code).toBe(451);
  });

  test('a balancer that sends no header is told so, and so is its operator', async () => {
    await using client = await SmtpClient.connect(haproxy.ports.forgetful, { localAddress: exchange });
    await client.send('EHLO exchange.north.example\r\n');
    expect(await client.reply()).toMatchObject({ code: 421, text: expect.stringMatching(/^4\.3\.5 /) });
    await client.closed;
    await refused('proxy-header', balancer);
  });

  test('HAProxy takes the lines of docs/balancers.md', async () => {
    const page = await readFile(join(import.meta.dirname, '../../docs/balancers.md'), 'utf8');
    const file = join(folder, 'haproxy.cfg');
    await writeFile(file, /```haproxy\n([\s\S]*?)```/.exec(page)?.[1] ?? '');
    const { code, stderr } = await partner('haproxy', ['-c', '-f', file]);
    expect([code, stderr]).toEqual([0, '']);
  });

  test('who is a balancer is taken from a reload', async () => {
    const reloaded = async (text: string): Promise<void> => {
      await writeFile(daybook.configFile, text);
      const said = daybook.log().length;
      process.kill(daybook.pid, 'SIGHUP');
      await eventually(async () => daybook.log().slice(said).includes('configuration applied'), { what: 'the reload' });
    };
    const written = await readFile(daybook.configFile, 'utf8');
    await reloaded(written.replace(`proxies: [${balancer}/32], tls`, 'proxies: [], tls'));
    await using nobody = await SmtpClient.connect(haproxy.ports.line, { localAddress: exchange });
    expect((await nobody.replyLines(2)).map((line) => line.slice(0, 3))).toEqual(['220', '500']);
    await reloaded(written);
    await using client = await SmtpClient.ready(haproxy.ports.line, { localAddress: exchange });
    expect((await client.mail([service], lunchReport('again'))).code).toBe(250);
  });
});
