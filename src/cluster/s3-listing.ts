import { documentOf, elements, S3Error, textOf } from './s3-answers.ts';
import type { S3Stored, S3Upload, S3Version } from './s3-client.types.ts';
import type { S3Wire } from './s3-wire.ts';

/** What a listing goes on from; the names of its elements, and of the query that asks for what stands behind. */
interface Listing {
  readonly root: string;
  readonly query: Readonly<Record<string, string>>;
  readonly next: Readonly<Record<string, string>>;
}

/** The pages of a listing, each as its text. @throws S3Error */
async function* pages(wire: S3Wire, { root, query, next }: Listing): AsyncGenerator<string> {
  const what = `GET ${root}`;
  let after: Readonly<Record<string, string>> = {};
  for (;;) {
    const call = { method: 'GET', query: { ...query, ...after } } as const;
    const xml = await wire.ask(call, ({ body }) => documentOf(what, root, body));
    yield xml;
    if (textOf(xml, 'IsTruncated') !== 'true') return;
    const then: Record<string, string> = {};
    for (const [element, parameter] of Object.entries(next)) {
      const value = textOf(xml, element);
      if (value !== undefined && value !== '') then[parameter] = value;
    }
    // It would be the same page again and again.
    if (Object.keys(then).length === 0 || JSON.stringify(then) === JSON.stringify(after)) {
      throw new S3Error(`${what}: says that there is more, and not where`, { isPassing: false });
    }
    after = then;
  }
}

/** Objects in the order of their keys, from behind that key on. */
export async function* listObjects(wire: S3Wire, prefix: string, behind?: string): AsyncGenerator<S3Stored> {
  const query = { 'list-type': '2', prefix, ...(behind === undefined ? {} : { 'start-after': behind }) };
  const next = { NextContinuationToken: 'continuation-token' };
  for await (const xml of pages(wire, { root: 'ListBucketResult', query, next })) {
    for (const item of elements(xml, 'Contents')) {
      yield { key: needed(item, 'Key'), size: Number(needed(item, 'Size')), modifiedAt: timeOf(item, 'LastModified') };
    }
  }
}

/** All that is kept of one key: versions, and markers of its deletion. */
export async function listVersions(wire: S3Wire, key: string): Promise<readonly S3Version[]> {
  const query = { versions: '', prefix: key };
  const next = { NextKeyMarker: 'key-marker', NextVersionIdMarker: 'version-id-marker' };
  const found: S3Version[] = [];
  for await (const xml of pages(wire, { root: 'ListVersionsResult', query, next })) {
    for (const [name, isMarker] of [['Version', false] as const, ['DeleteMarker', true] as const]) {
      const own = elements(xml, name).filter((item) => textOf(item, 'Key') === key);
      found.push(...own.map((item) => ({ id: needed(item, 'VersionId'), isMarker })));
    }
  }
  return found;
}

/** Uploads in parts that were begun and not ended. */
export async function* listUploads(wire: S3Wire, prefix: string): AsyncGenerator<S3Upload> {
  const query = { uploads: '', prefix };
  const next = { NextKeyMarker: 'key-marker', NextUploadIdMarker: 'upload-id-marker' };
  for await (const xml of pages(wire, { root: 'ListMultipartUploadsResult', query, next })) {
    for (const item of elements(xml, 'Upload')) {
      yield { key: needed(item, 'Key'), id: needed(item, 'UploadId'), begunAt: timeOf(item, 'Initiated') };
    }
  }
}

function needed(item: string, name: string): string {
  const text = textOf(item, name);
  if (text === undefined) throw new S3Error(`a listing names an object without its ${name}`, { isPassing: false });
  return text;
}

function timeOf(item: string, name: string): number {
  const at = Date.parse(needed(item, name));
  if (Number.isNaN(at)) throw new S3Error(`a listing has no time in ${name}`, { isPassing: false });
  return at;
}
