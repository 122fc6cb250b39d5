import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { consoleParts } from '../../src/http/console.route.ts';
import { builtConsole } from '../../src/http/console-files.ts';
import { httpFixture, tokens } from '../support/http-app.ts';

const root = join(import.meta.dirname, '../..');
const built = builtConsole(join(root, 'src'));

test('the page is served at the root and at each address of the console, never stored', async () => {
  await using http = httpFixture({ tokens });
  const { body } = await http.app.inject('/');
  const addresses = consoleParts.flatMap((part) => [`/${part}`, `/${part}/exchange-1`, `/${part}/a/b?c=d`]);
  for (const url of ['/', ...addresses]) {
    const answer = await http.app.inject(url);
    expect([url, answer.statusCode, answer.headers['cache-control']]).toEqual([url, 200, 'no-store']);
    expect(answer.body).toBe(body);
  }
  const other = await http.app.inject('/journalings');
  expect([other.statusCode, other.json().type]).toEqual([404, '/docs#route-unknown']);
  const changed = await http.app.inject({ method: 'PUT', url: '/live/x' });
  expect([changed.statusCode, changed.headers['allow']]).toEqual([405, 'GET']);
});

test('its files are kept for ever under the name of their content, compressed for who takes that', async () => {
  await using http = httpFixture();
  for (const name of readdirSync(join(built, 'assets'))) {
    expect(name).toMatch(/^[a-z]+-[A-Za-z0-9_-]{8}\.(js|css|svg)$/);
    const url = `/assets/${name}`;
    const plain = await http.app.inject(url);
    expect(plain.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    expect(plain.rawPayload).toEqual(readFileSync(join(built, 'assets', name)));
    const zipped = await http.app.inject({ url, headers: { 'accept-encoding': 'gzip, br' } });
    expect([zipped.headers['content-encoding'], zipped.headers['vary']]).toEqual(['gzip', 'accept-encoding']);
    expect(gunzipSync(zipped.rawPayload)).toEqual(plain.rawPayload);
    const refused = await http.app.inject({ url, headers: { 'accept-encoding': 'gzip;q=0' } });
    expect(refused.headers['content-encoding']).toBeUndefined();
  }
  for (const url of ['/assets/none.js', '/assets/..%2f..%2fpackage.json', '/assets/index.html']) {
    expect([url, (await http.app.inject(url)).statusCode]).toEqual([url, 404]);
  }
});

test('an engine without a built console says how to make one', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'daybook-console-'));
  try {
    await using http = httpFixture({ consoleFolder: folder });
    const { statusCode, body } = await http.app.inject('/live');
    expect(statusCode).toBe(503);
    expect(body).toContain('npm run build');
    mkdirSync(join(folder, 'assets'));
    writeFileSync(join(folder, 'index.html'), '<!doctype html><title>built</title>');
    await using again = httpFixture({ consoleFolder: folder });
    expect((await again.app.inject('/')).body).toContain('built');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the built console is found from the source and from the build', () => {
  expect(builtConsole('/srv/daybook/src')).toBe('/srv/daybook/dist/console');
  expect(builtConsole('/srv/daybook/dist/bin')).toBe('/srv/daybook/dist/console');
});

test('script and framework of the console take 60 KB at most, compressed', () => {
  const scripts = readdirSync(join(built, 'assets')).filter((name) => name.endsWith('.js'));
  const sizes = scripts.map((name) => gzipSync(readFileSync(join(built, 'assets', name)), { level: 9 }).length);
  expect(sizes.length).toBeGreaterThan(0);
  expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(60 * 1024);
});

test('no text becomes markup or script in the console', () => {
  const folder = join(root, 'src/console');
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name));
  expect(names.length).toBeGreaterThan(20);
  const ways =
    /dangerouslySetInnerHTML|innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|\beval\(|new Function|srcdoc|createContextualFragment/i;
  expect(names.filter((name) => ways.test(readFileSync(join(folder, name), 'utf8')))).toEqual([]);
});
