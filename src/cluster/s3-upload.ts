import { lengthOf } from '../store/record.ts';
import { inParallel } from './in-parallel.ts';
import { documentOf, escaped, S3Error, textOf } from './s3-answers.ts';
import type { S3Upload } from './s3-client.types.ts';
import type { S3Wire } from './s3-wire.ts';

/** S3 takes no part below 5 MB but the last one; a part that is lost on its way costs a second to send again. */
const partBytes = 8 * 1024 * 1024;
const partsAtOnce = 3;

/** An object in parts. Nobody sees it before the last step; one that fails leaves nothing, or an upload to be swept. */
export async function uploadInParts(
  wire: S3Wire,
  key: string,
  body: readonly Uint8Array[],
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const what = `POST ${key}`;
  const type = { 'content-type': 'application/octet-stream' };
  const begin = { method: 'POST', key, query: { uploads: '' }, headers: { ...type, ...headers } } as const;
  const id = await wire.ask(begin, ({ body: answer }) => {
    const text = textOf(documentOf(what, 'InitiateMultipartUploadResult', answer), 'UploadId');
    if (text === undefined) throw new S3Error(`${what}: the upload got no id`, { isPassing: true });
    return text;
  });
  try {
    const tags = await inParallel(cut(body, partBytes), partsAtOnce, async (part, index) => {
      const query = { partNumber: String(index + 1), uploadId: id };
      return await wire.ask({ method: 'PUT', key, query, body: part }, ({ headers: { etag } }) => {
        if (etag === undefined) throw new S3Error(`PUT ${key}: part ${index + 1} got no tag`, { isPassing: true });
        return etag;
      });
    });
    await complete(wire, { key, id }, { tags, size: lengthOf(body) });
  } catch (error) {
    // The parts would be kept and paid for. Where that fails too the sweep finds them: the caller need not wait for it.
    await wire.askOnce({ method: 'DELETE', key, query: { uploadId: id } }).catch(() => undefined);
    throw error;
  }
}

export async function abortUpload(wire: S3Wire, { key, id }: Pick<S3Upload, 'key' | 'id'>): Promise<void> {
  try {
    await wire.ask({ method: 'DELETE', key, query: { uploadId: id } }, () => undefined);
  } catch (error) {
    if (!(error instanceof S3Error) || error.status !== 404) throw error;
  }
}

async function complete(
  wire: S3Wire,
  { key, id }: Pick<S3Upload, 'key' | 'id'>,
  { tags, size }: { readonly tags: readonly string[]; readonly size: number },
): Promise<void> {
  const what = `POST ${key}`;
  const part = (tag: string, index: number): string =>
    `<Part><PartNumber>${index + 1}</PartNumber><ETag>${escaped(tag)}</ETag></Part>`;
  const xml = `<CompleteMultipartUpload>${tags.map(part).join('')}</CompleteMultipartUpload>`;
  const headers = { 'content-type': 'application/xml' };
  try {
    const call = { method: 'POST', key, query: { uploadId: id }, headers, body: [Buffer.from(xml)] } as const;
    await wire.ask(call, ({ body }) => documentOf(what, 'CompleteMultipartUploadResult', body));
  } catch (error) {
    // An answer that was lost: the second try finds no upload, since the first one has ended it.
    if (!(error instanceof S3Error) || error.code !== 'NoSuchUpload') throw error;
    const stored = await wire.ask({ method: 'HEAD', key }, ({ headers: { 'content-length': length } }) =>
      Number(length),
    );
    if (stored !== size) throw error;
  }
}

/** The bytes of the pieces in parts of `size`, without a copy; the last one may be shorter. */
export function cut(pieces: readonly Uint8Array[], size: number): readonly (readonly Uint8Array[])[] {
  const parts: Uint8Array[][] = [];
  let room = 0;
  for (const piece of pieces) {
    for (let from = 0; from < piece.length; ) {
      if (room === 0) {
        parts.push([]);
        room = size;
      }
      const some = piece.subarray(from, from + room);
      parts.at(-1)?.push(some);
      from += some.length;
      room -= some.length;
    }
  }
  return parts;
}
