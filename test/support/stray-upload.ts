import { randomBytes } from 'node:crypto';
import { asyncScheduler } from 'rxjs';
import { expect } from 'vitest';
import { s3Client } from '../../src/cluster/s3-client.ts';
import type { S3Place } from '../../src/cluster/s3-line.ts';
import { startSpoilingProxy } from './spoiling-proxy.ts';

/** An upload in parts as a worker leaves it that was killed. */
export async function startUpload(place: S3Place, key: string): Promise<void> {
  await using proxy = await startSpoilingProxy(place.endpoint);
  proxy.spoil = ({ method, url }) =>
    method === 'PUT' || method === 'DELETE' || url.includes('uploadId') ? 'refuse' : 'pass';
  const options = { place: { ...place, endpoint: proxy.endpoint }, random: Math.random, patienceMs: 0 };
  await using client = s3Client(options, asyncScheduler);
  await expect(client.putLarge(key, [randomBytes(100)])).rejects.toThrow('SlowDown');
}
