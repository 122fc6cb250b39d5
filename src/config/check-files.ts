import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { SchedulerLike } from 'rxjs';
import { readMasterKey } from '../master-key.ts';
import { checkAnchorFile } from './anchor-rules.ts';
import type { DocumentFault, FaultPath } from './fault.ts';
import { readKnownAddresses } from './known-addresses.ts';
import { valueAt } from './schema-walk.ts';
import { loadTls } from './tls-files.ts';
import { whyUnreadable } from './unreadable.ts';

export interface FileFindings {
  readonly faults: readonly DocumentFault[];
  readonly warnings: readonly DocumentFault[];
}

/** Looks into the files that a document names: certificate pairs and the directory. Reads, never writes. */
export async function checkFiles(
  document: unknown,
  baseDir: string,
  clock: Pick<SchedulerLike, 'now'> | undefined,
): Promise<FileFindings> {
  const findings = await Promise.all([
    checkTls({ document, path: ['http', 'tls'], baseDir, clock }),
    checkTls({ document, path: ['smtp', 'tls'], baseDir, clock }),
    checkAddresses(document, baseDir),
    checkAnchors(document, baseDir),
    checkMasterKey(document, baseDir),
    checkDatabaseFiles(document),
  ]);
  return { faults: findings.flatMap((each) => each.faults), warnings: findings.flatMap((each) => each.warnings) };
}

interface TlsCheck {
  readonly document: unknown;
  readonly path: FaultPath;
  readonly baseDir: string;
  readonly clock: Pick<SchedulerLike, 'now'> | undefined;
}
async function checkTls({ document, path, baseDir, clock }: TlsCheck): Promise<FileFindings> {
  const cert = fileAt(document, [...path, 'cert'], baseDir);
  const key = fileAt(document, [...path, 'key'], baseDir);
  if (cert === undefined || key === undefined) return { faults: [], warnings: [] };
  const loaded = await loadTls({ certFile: cert, keyFile: key });
  if (!loaded.ok) {
    const faults = loaded.faults.map(
      ({ field, text }): DocumentFault => ({ path: [...path, field], at: 'value', text }),
    );
    return { faults, warnings: [] };
  }
  const now = clock?.now() ?? loaded.notBeforeAt;
  if (now >= loaded.notBeforeAt && now <= loaded.notAfterAt) return { faults: [], warnings: [] };
  const text =
    now < loaded.notBeforeAt
      ? 'is not valid yet; strict senders will refuse it'
      : 'has expired; strict senders will refuse it';
  return { faults: [], warnings: [{ path: [...path, 'cert'], at: 'value', text }] };
}

async function checkAddresses(document: unknown, baseDir: string): Promise<FileFindings> {
  const path: FaultPath = ['directory', 'addresses'];
  const file = fileAt(document, path, baseDir);
  if (file === undefined) return { faults: [], warnings: [] };
  const known = await readKnownAddresses(file);
  return { faults: known.ok ? [] : [{ path, at: 'value', text: known.text }], warnings: [] };
}

/** An anchor file in the folder that it is to watch over would be put back with it. */
async function checkAnchors(document: unknown, baseDir: string): Promise<FileFindings> {
  const dataDir = fileAt(document, ['dataDir'], baseDir) ?? resolve(baseDir, './data');
  const anchors = valueAt(document, ['evidence', 'anchors']);
  const [faults, warnings]: [DocumentFault[], DocumentFault[]] = [[], []];
  for (const at of Array.isArray(anchors) ? anchors.keys() : []) {
    const path: FaultPath = ['evidence', 'anchors', at, 'path'];
    const file = valueAt(document, path.with(-1, 'kind')) === 'file' ? fileAt(document, path, baseDir) : undefined;
    const found = file === undefined ? null : await checkAnchorFile(file, dataDir);
    if (found === null) continue;
    if ('fault' in found) faults.push({ path, at: 'value', text: found.fault });
    else warnings.push({ path, at: 'value', text: found.warning });
  }
  return { faults, warnings };
}

/** A credential is there only for the service itself: it is looked for at the start. */
async function checkMasterKey(document: unknown, baseDir: string): Promise<FileFindings> {
  const path: FaultPath = ['store', 'encryption', 'keyFile'];
  const file = fileAt(document, path, baseDir);
  if (file === undefined) return { faults: [], warnings: [] };
  const wrong = await readMasterKey({ file }, undefined).then(() => null, faultText);
  return {
    faults: wrong === null ? [] : [{ path, at: 'value', text: `names a file that is no key: ${wrong}` }],
    warnings: [],
  };
}

/** Of the options of a connection string: its library reads them from the folder the engine runs in. */
async function checkDatabaseFiles(document: unknown): Promise<FileFindings> {
  const path: FaultPath = ['cluster', 'postgres'];
  const given = valueAt(document, path);
  const [, query = ''] = typeof given === 'string' ? given.split('?') : [];
  const faults: DocumentFault[] = [];
  for (const name of ['sslrootcert', 'sslcert', 'sslkey']) {
    const file = new URLSearchParams(query).get(name);
    const wrong = file === null || file === '' ? null : await readFile(file).then(() => null, whyUnreadable);
    if (wrong !== null)
      faults.push({ path, at: 'value', text: `names a file in ${name} that ${wrong}; expected a PEM file` });
  }
  return { faults, warnings: [] };
}

/** What is wrong, without the text of the code before it. */
const faultText = (error: Error): string => error.message.slice(error.message.indexOf(': ') + 2);

/** What is no usable path is left to the schema. */
function fileAt(document: unknown, path: FaultPath, baseDir: string): string | undefined {
  const value = valueAt(document, path);
  if (typeof value !== 'string' || value.trim() === '' || value.includes('\0')) return undefined;
  return resolve(baseDir, value.trim());
}
