import { expect, test } from 'vitest';
import { loadRuntimes } from '../../src/engine/runtimes.ts';
import type { Workshop } from '../../src/engine/workshop.ts';
import { runtimeRecord } from '../machines/journal-rig.ts';

const now = 1_000_000;
function runtimeOf(transport: 'smtp' | 'pop3', saved: object | undefined, lastMessageAt: number | null) {
  const definition = { id: 'a', suspended: false, suspendedSince: null, config: { transport } };
  const workshop = {
    book: { all: () => [definition], get: () => definition },
    clock: { now: () => now },
    store: { definitions: { loadRuntime: async () => saved }, figuresOf: () => ({ lastMessageAt }) },
  } as unknown as Workshop;
  return loadRuntimes(workshop).then(({ a }) => a);
}

test('a message that the log has proves what was extracted by SMTP, and no run of a mailbox', async () => {
  const saved = runtimeRecord({ lastSuccessfulExtractAt: 100, lastMessageAt: 100, listenedMs: 9 });
  const came = { lastMessageAt: 500 };
  expect(await runtimeOf('smtp', saved, 500)).toEqual({
    ...saved,
    ...came,
    lastSuccessfulExtractAt: 500,
    listenedMs: 0,
  });
  expect(await runtimeOf('pop3', saved, 500)).toEqual({ ...saved, ...came });
  expect(await runtimeOf('smtp', saved, 50)).toEqual(saved);
});

test('without a record a mailbox whose runs never came to their end awaits the first', async () => {
  const first = { status: 'awaiting-initial-run', firstRunDone: false, lastSuccessfulExtractAt: null };
  expect(await runtimeOf('pop3', undefined, 500)).toMatchObject({ ...first, lastMessageAt: 500 });
  expect(await runtimeOf('smtp', undefined, 500)).toMatchObject({ firstRunDone: true, lastSuccessfulExtractAt: 500 });
  expect(await runtimeOf('pop3', undefined, null)).toMatchObject({ ...first, lastMessageAt: null });
});
