import { execFileSync, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A time-stamp authority on loopback: openssl behind HTTP, with a CA of its own. */
export interface TimeStampAuthority extends AsyncDisposable {
  readonly url: string;
  /** Certificate of the CA, PEM; the way to check a token with `openssl ts -verify`. */
  readonly caFile: string;
  /** Queries answered so far. */
  readonly asked: () => number;
  /** What is done to each answer on its way back; as it is by default. */
  spoil: (answer: Buffer, query: Buffer) => Buffer | Promise<Buffer>;
  /** The answer of openssl to a query. */
  answer(query: Buffer): Promise<Buffer>;
  /** Runs `openssl ts -verify` on a stored answer; its exit code and what it said. */
  verify(stamp: string, data: string): { readonly code: number; readonly text: string };
}

const settings = `
[tsa]
default_tsa = it
[it]
serial = ./serial
signer_cert = ./tsa.pem
signer_key = ./tsa.key
certs = ./ca.pem
signer_digest = sha256
default_policy = 1.2.3.4.1
digests = sha256
accuracy = secs:1
ordering = yes
tsa_name = yes
ess_cert_id_chain = no
ess_cert_id_alg = sha256
[stamping]
extendedKeyUsage = critical,timeStamping
[authority]
basicConstraints = critical,CA:TRUE
`;

export async function startTimeStampAuthority(): Promise<TimeStampAuthority> {
  const cwd = await mkdtemp(join(tmpdir(), 'daybook-tsa-'));
  await writeFile(join(cwd, 'tsa.cnf'), settings);
  await writeFile(join(cwd, 'serial'), '01\n');
  const openssl = (...args: readonly string[]): void => void execFileSync('openssl', args, { cwd, stdio: 'ignore' });
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const ca = ['-subj', '/CN=Test CA', '-days', '2', '-keyout', 'ca.key', '-out', 'ca.pem', '-config', 'tsa.cnf'];
  await writeFile(join(cwd, 'tsa.cnf'), `${settings}[req]\ndistinguished_name = dn\n[dn]\n`);
  openssl('req', '-x509', ...key, ...ca, '-extensions', 'authority');
  openssl('req', ...key, '-subj', '/CN=Test TSA', '-keyout', 'tsa.key', '-out', 'tsa.csr', '-config', 'tsa.cnf');
  const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-set_serial', '2', '-days', '2', '-out', 'tsa.pem'];
  openssl('x509', '-req', '-in', 'tsa.csr', ...signed, '-extfile', 'tsa.cnf', '-extensions', 'stamping');
  const answer = async (query: Buffer): Promise<Buffer> => {
    const file = join(cwd, 'query.tsq');
    await writeFile(file, query);
    const child = spawn('openssl', ['ts', '-reply', '-config', 'tsa.cnf', '-queryfile', file], { cwd });
    const pieces: Buffer[] = [];
    for await (const piece of child.stdout) pieces.push(piece as Buffer);
    return Buffer.concat(pieces);
  };
  let asked = 0;
  const server = createServer((request, response) => {
    const pieces: Buffer[] = [];
    request.on('data', (piece: Buffer) => void pieces.push(piece));
    request.on('end', async () => {
      asked += 1;
      if (request.headers['content-type'] !== 'application/timestamp-query') response.writeHead(415).end();
      else {
        const query = Buffer.concat(pieces);
        const bytes = await authority.spoil(await answer(query), query);
        response.writeHead(200, { 'content-type': 'application/timestamp-reply' }).end(bytes);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const authority: TimeStampAuthority = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/tsa`,
    caFile: join(cwd, 'ca.pem'),
    asked: () => asked,
    spoil: (bytes) => bytes,
    answer,
    verify: (stamp, data) => {
      const args = ['ts', '-verify', '-data', data, '-in', stamp, '-CAfile', join(cwd, 'ca.pem')];
      try {
        return { code: 0, text: execFileSync('openssl', args, { stdio: 'pipe' }).toString() };
      } catch (error) {
        const { status, stderr } = error as { status: number; stderr: Buffer };
        return { code: status, text: stderr.toString() };
      }
    },
    [Symbol.asyncDispose]: async () => {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await rm(cwd, { recursive: true, force: true });
    },
  };
  return authority;
}
