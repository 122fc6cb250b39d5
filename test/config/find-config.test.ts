import { expect, test } from 'vitest';
import { findConfig } from '../../src/config/find-config.ts';
import { nearestKey } from '../../src/config/nearest-key.ts';
import { configFolder } from './config-folder.ts';

test('a given configuration file is used as it was written, there or not', async () => {
  expect(await findConfig('some/where.yaml', '/')).toBe('some/where.yaml');
});

test('the working folder comes before the system, and nothing is found where neither is', async () => {
  await using folder = await configFolder();
  const system = `${folder.dir}/system.yaml`;
  expect(await findConfig(undefined, folder.dir, system)).toBeUndefined();
  await folder.write('system.yaml', '');
  expect(await findConfig(undefined, folder.dir, system)).toBe(system);
  await folder.write('daybook.yaml', '');
  expect(await findConfig(undefined, folder.dir, system)).toBe(folder.file);
});

test.each([
  ['descripton', 'description'],
  ['Suspended', 'suspended'],
  ['usspended', 'suspended'],
  ['dataDirectory', 'dataDir'],
  ['transprot', 'transport'],
])('the known key nearest to %s is %s', (written, expected) => {
  expect(nearestKey(written, ['description', 'dataDir', 'suspended', 'transport'])).toBe(expected);
});

test('there is no nearest key of none', () => {
  expect(nearestKey('x', [])).toBeUndefined();
});
