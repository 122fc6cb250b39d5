import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { verifyData } from '../../../src/engine/verification.ts';
import { openStoreFixture } from '../../support/store-fixture.ts';

test.each([false, true])('a segment that is missing is named, whichever it is (quick: %s)', async (quick) => {
  await using fixture = await openStoreFixture();
  for (let at = 0; at < 12; at += 1) await fixture.take(`${at} `.repeat(100_000));
  await fixture.store[Symbol.asyncDispose]();
  const { dataDir } = fixture;
  const folder = join(dataDir, 'commitlog');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.seg')).toSorted();
  expect(names.length).toBeGreaterThan(2);
  const faults = async () => (await verifyData({ dataDir, bytes: 'segments', upTo: null, quick })).faults;
  expect(await faults()).toEqual([]);
  for (const name of [names[1]!, names.at(-1)!]) {
    await rename(join(folder, name), join(folder, `${name}.aside`));
    expect((await faults()).map(({ file }) => file)).toContain(`commitlog/${name}`);
    await rename(join(folder, `${name}.aside`), join(folder, name));
  }
  for (const name of names) await rename(join(folder, name), join(folder, `${name}.aside`));
  expect((await faults()).map(({ file }) => file)).toContain(`commitlog/${names[0]}`);
});
