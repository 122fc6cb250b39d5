import { describe, expect, test } from 'vitest';
import { s3Client } from '../../src/cluster/s3-client.ts';
import { Secret } from '../../src/config/secret.ts';
import { RetryClock } from '../support/retry-clock.ts';
import { type Scripted, startScriptedServer } from '../support/scripted-server.ts';

/** What a gateway may answer, and Ceph in good health does not. */
async function clientOf(...answers: readonly Scripted[]) {
  const server = await startScriptedServer(...answers);
  const clock = new RetryClock();
  const secretKey = new Secret('a-secret');
  const place = { endpoint: server.endpoint, region: 'us-east-1', bucket: 'mail', accessKey: 'a-key', secretKey };
  const client = s3Client({ place, random: () => 0, told: clock.told }, clock);
  return {
    client,
    clock,
    asked: server.asked,
    [Symbol.asyncDispose]: async () => {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
const error = (code: string): string =>
  `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>so</Message></Error>`;
const begun = '<InitiateMultipartUploadResult><UploadId>1&amp;2</UploadId></InitiateMultipartUploadResult>';
const part: Scripted = { status: 200, headers: { etag: '"a"' } };
const ended = '<CompleteMultipartUploadResult xmlns="x"><ETag>b</ETag></CompleteMultipartUploadResult>';
const listing = (keys: readonly string[], rest = ''): string => {
  const contents = keys.map(
    (key) => `<Contents><Key>${key}</Key><LastModified>2026-12-01T00:00:00Z</LastModified><Size>7</Size></Contents>`,
  );
  return `<ListBucketResult xmlns="x">${rest}${contents.join('')}</ListBucketResult>`;
};
async function keysOf(keys: AsyncIterable<{ readonly key: string }>): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const { key } of keys) found.push(key);
  return found;
}

describe('an upload in parts', () => {
  test('is not ended by status 200 with an error in it: it is ended again', async () => {
    await using its = await clientOf(begun, part, error('InternalError'), '', ended);
    await its.clock.through(its.client.putLarge('a', [Buffer.from('x')]));
    expect(its.asked.filter((one) => one === 'POST /mail/a?uploadId=1%262')).toHaveLength(3);
  });

  test('fails with an error that will stay, and gives its parts back', async () => {
    await using its = await clientOf(begun, part, error('InvalidPart'), { status: 204 });
    await expect(its.client.putLarge('a', [Buffer.from('x')])).rejects.toThrow('InvalidPart, so');
    expect(its.asked.at(-1)).toBe('DELETE /mail/a?uploadId=1%262');
  });

  test('that is gone is stored only where the object is there with all its bytes', async () => {
    const gone = { status: 404, body: error('NoSuchUpload') };
    const sized = (length: number): Scripted => ({ status: 200, headers: { 'content-length': String(length) } });
    await using right = await clientOf(begun, part, gone, sized(1));
    await right.client.putLarge('a', [Buffer.from('x')]);
    await using wrong = await clientOf(begun, part, gone, sized(9));
    await expect(wrong.client.putLarge('a', [Buffer.from('x')])).rejects.toThrow('NoSuchUpload');
  });
});

describe('a listing', () => {
  test('goes on behind each page, and keys are read as they are', async () => {
    const more = '<IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;1</NextContinuationToken>';
    await using its = await clientOf(listing(['a&amp;b', '&#x41;&#66;&lt;'], more), listing(['c']));
    expect(await keysOf(its.client.list('p'))).toEqual(['a&b', 'AB<', 'c']);
    expect(its.asked).toEqual([
      'GET /mail?list-type=2&prefix=p',
      'GET /mail?list-type=2&prefix=p&continuation-token=t%261',
    ]);
  });

  test('of which half came is asked for again', async () => {
    await using its = await clientOf(listing(['a', 'b']).slice(0, 150), error('InternalError'), listing(['a', 'b']));
    expect(await its.clock.through(keysOf(its.client.list('p')))).toEqual(['a', 'b']);
  });

  test('that says there is more and not where, or again the same, is an error and no endless loop', async () => {
    const truncated = '<IsTruncated>true</IsTruncated>';
    await using nowhere = await clientOf(listing(['a'], truncated));
    await expect(keysOf(nowhere.client.list('p'))).rejects.toThrow('not where');
    const same = listing(['a'], `${truncated}<NextContinuationToken>t</NextContinuationToken>`);
    await using again = await clientOf(same, same, same);
    await expect(keysOf(again.client.list('p'))).rejects.toThrow('not where');
  });

  test('with a time or a key that is none is an error', async () => {
    await using its = await clientOf(listing(['a']).replace('2026-12-01T00:00:00Z', 'yesterday'));
    await expect(keysOf(its.client.list('p'))).rejects.toThrow('no time in LastModified');
    await using other = await clientOf(listing(['a']).replaceAll('Key>', 'Name>'));
    await expect(keysOf(other.client.list('p'))).rejects.toThrow('without its Key');
  });
});

describe('a range', () => {
  const ranged = (body: string, range: string): Scripted => ({
    status: 206,
    headers: { 'content-range': range },
    body,
  });

  test('that is overlooked is an error, and the whole object is not read', async () => {
    await using its = await clientOf({ status: 200, body: Buffer.alloc(3_000_000) }, 'abcd');
    await expect(its.client.get('a', 0, 10)).rejects.toThrow('more than 10 bytes');
    await expect(its.client.get('a', 0, 10)).rejects.toThrow('overlooked');
  });

  test('from elsewhere is asked for again', async () => {
    await using its = await clientOf(ranged('abcd', 'bytes 4-7/9'), ranged('abcd', ''), ranged('efgh', 'bytes 0-3/9'));
    expect((await its.clock.through(its.client.get('a', 0, 4)))?.toString()).toBe('efgh');
  });

  test('of nothing is null only where S3 says so itself', async () => {
    await using its = await clientOf({ status: 404, body: error('NoSuchKey') }, { status: 404, body: 'not here' });
    expect(await its.client.get('a', 0, 4)).toBeNull();
    await expect(its.client.get('a', 0, 4)).rejects.toThrow('status 404');
  });
});

test('what is refused for good is asked for once, and says why without the secret', async () => {
  await using its = await clientOf({ status: 403, body: error('AccessDenied') });
  const refused = its.client.put('a', [Buffer.from('x')]);
  await expect(refused).rejects.toThrow('PUT a: answered with status 403 (AccessDenied, so)');
  await expect(refused).rejects.toMatchObject({ status: 403, code: 'AccessDenied', isPassing: false });
  expect(its.asked).toHaveLength(1);
});

test('a key that would have to be escaped is a bug of the caller', async () => {
  await using its = await clientOf();
  for (const key of ['a b', '../a', 'a/..', 'a/./b', 'a//b', '/a', 'ä', '']) {
    await expect(its.client.put(key, [])).rejects.toThrow('is no key of an object');
  }
  expect(its.asked).toEqual([]);
});
