import type { SchedulerLike } from 'rxjs';
import { md5Of } from './digest.ts';
import { documentOf, S3Error, textOf } from './s3-answers.ts';
import type { S3Client, S3Retention } from './s3-client.types.ts';
import type { S3Answer } from './s3-line.ts';
import { listObjects, listUploads, listVersions } from './s3-listing.ts';
import { abortUpload, uploadInParts } from './s3-upload.ts';
import { S3Wire, type S3WireOptions } from './s3-wire.ts';

/** True of a refusal with that word of S3, or with 404 where an answer had no room for a word (HEAD). */
const isMissing = (error: unknown, ...codes: readonly string[]): boolean =>
  error instanceof S3Error && error.status === 404 && (error.code === null || codes.includes(error.code));

/** @throws Error that says which option of the place cannot be */
export function s3Client(options: S3WireOptions, clock: SchedulerLike): S3Client {
  const wire = new S3Wire(options, clock);
  return {
    isVersioned: () => isVersioned(wire),
    hasObjectLock: () => hasObjectLock(wire),
    put: async (key, body, retention) => {
      const headers = { 'content-type': 'application/octet-stream', ...(await lockHeaders(body, retention)) };
      await wire.ask({ method: 'PUT', key, headers, body }, none);
    },
    putLarge: async (key, body, retention) => {
      await uploadInParts(wire, key, body, await lockHeaders(null, retention));
      if (retention !== undefined) await retainUnlessKept(wire, key, retention);
    },
    get: (key, from, length) => rangeOf(wire, key, { from, length }),
    size: async (key) => {
      try {
        return await wire.ask({ method: 'HEAD', key }, sizeOf);
      } catch (error) {
        if (isMissing(error, 'NoSuchKey')) return null;
        throw error;
      }
    },
    remove: async (key, version) => {
      try {
        const query: Record<string, string> = version === undefined ? {} : { versionId: version };
        await wire.ask({ method: 'DELETE', key, query }, none);
      } catch (error) {
        if (!isMissing(error, 'NoSuchKey', 'NoSuchVersion')) throw error;
      }
    },
    list: (prefix, behind) => listObjects(wire, prefix, behind),
    versions: (key) => listVersions(wire, key),
    uploads: (prefix) => listUploads(wire, prefix),
    abort: (upload) => abortUpload(wire, upload),
    retain: (key, retention) => retain(wire, key, retention),
    lockedUntil: (key, version) => lockedUntil(wire, key, version),
    hold: (key, isOn) =>
      setting(wire, key, 'legal-hold', `<LegalHold><Status>${isOn ? 'ON' : 'OFF'}</Status></LegalHold>`),
    hurry: () => wire.hurry(),
    [Symbol.asyncDispose]: () => wire[Symbol.asyncDispose](),
  };
}

/** Ceph (16) takes the headers of a retention with an upload in parts, and sets none. */
async function retainUnlessKept(wire: S3Wire, key: string, retention: S3Retention): Promise<void> {
  const mode = await wire.ask({ method: 'HEAD', key }, ({ headers }) => headers['x-amz-object-lock-mode']);
  if (mode === undefined) await retain(wire, key, retention);
}

const retain = (wire: S3Wire, key: string, { mode, until }: S3Retention): Promise<void> => {
  const xml = `<Retention><Mode>${mode}</Mode><RetainUntilDate>${isoOf(until)}</RetainUntilDate></Retention>`;
  return setting(wire, key, 'retention', xml);
};

async function lockedUntil(wire: S3Wire, key: string, version: string): Promise<number | null> {
  const what = `HEAD ${key}`;
  try {
    return await wire.ask({ method: 'HEAD', key, query: { versionId: version } }, ({ headers }) => {
      if (headers['x-amz-object-lock-legal-hold'] === 'ON') return Number.POSITIVE_INFINITY;
      const until = headers['x-amz-object-lock-retain-until-date'];
      if (until === undefined) return null;
      const [end, now] = [Date.parse(String(until)), Date.parse(headers.date ?? '')];
      if (Number.isNaN(end) || Number.isNaN(now))
        throw new S3Error(`${what}: a lock without a time`, { isPassing: true });
      return end > now ? end : null;
    });
  } catch (error) {
    if (isMissing(error, 'NoSuchKey', 'NoSuchVersion')) return null;
    throw error;
  }
}

const none = (): void => undefined;

function sizeOf({ headers }: S3Answer): number {
  const size = Number(headers['content-length'] ?? Number.NaN);
  if (!Number.isSafeInteger(size)) throw new S3Error('HEAD: the answer tells no size', { isPassing: true });
  return size;
}

const isoOf = (at: number): string => new Date(at).toISOString();

/** With a retention S3 wants a digest in an old manner beside the one that is signed; of a body that comes in parts, none. */
async function lockHeaders(
  body: readonly Uint8Array[] | null,
  retention: S3Retention | undefined,
): Promise<Readonly<Record<string, string>>> {
  if (retention === undefined) return {};
  return {
    'x-amz-object-lock-mode': retention.mode,
    'x-amz-object-lock-retain-until-date': isoOf(retention.until),
    ...(body === null ? {} : { 'content-md5': (await md5Of(body)).toString('base64') }),
  };
}

async function isVersioned(wire: S3Wire): Promise<boolean> {
  const status = await wire.ask({ method: 'GET', query: { versioning: '' } }, ({ body }) =>
    textOf(documentOf('GET versioning', 'VersioningConfiguration', body), 'Status'),
  );
  // Suspended too: what was stored before is kept.
  return status !== undefined && status !== '';
}

async function hasObjectLock(wire: S3Wire): Promise<boolean> {
  try {
    const xml = await wire.ask({ method: 'GET', query: { 'object-lock': '' } }, ({ body }) =>
      documentOf('GET object-lock', 'ObjectLockConfiguration', body),
    );
    return textOf(xml, 'ObjectLockEnabled') === 'Enabled';
  } catch (error) {
    if (isMissing(error, 'ObjectLockConfigurationNotFoundError')) return false;
    throw error;
  }
}

async function rangeOf(
  wire: S3Wire,
  key: string,
  { from, length }: { readonly from: number; readonly length: number },
): Promise<Buffer | null> {
  const what = `GET ${key}, ${length} bytes from ${from} on`;
  const last = from + length - 1;
  try {
    // A gateway that overlooks the range would send the whole object: no more than it is read.
    const call = { method: 'GET', key, headers: { range: `bytes=${from}-${last}` }, maxBytes: length } as const;
    return await wire.ask(call, ({ status, headers, body }) => {
      if (status !== 206) throw new S3Error(`${what}: the range was overlooked`, { isPassing: false });
      const [, first, end] = /^bytes (\d+)-(\d+)\//.exec(headers['content-range'] ?? '') ?? [];
      if (Number(first) === from && Number(end) < last) throw shorter(what);
      if (Number(first) === from && Number(end) === last && body.length === length) return body;
      throw new S3Error(`${what}: ${body.length} bytes came, of ${first}-${end}`, { isPassing: true });
    });
  } catch (error) {
    if (isMissing(error, 'NoSuchKey') && (error as S3Error).code !== null) return null;
    if (error instanceof S3Error && error.status === 416) throw shorter(what);
    throw error;
  }
}

const shorter = (what: string): S3Error =>
  new S3Error(`${what}: the object is shorter`, { code: 'range', isPassing: false });

async function setting(wire: S3Wire, key: string, name: string, xml: string): Promise<void> {
  const body = [Buffer.from(xml)];
  const headers = { 'content-type': 'application/xml', 'content-md5': (await md5Of(body)).toString('base64') };
  await wire.ask({ method: 'PUT', key, query: { [name]: '' }, headers, body }, none);
}
