import { describe, expect, test } from 'vitest';
import { leftOut } from '../support/journey-partners.ts';
import type { Fault } from './shim.ts';
import { type Case, comesBack, isSafe, nameOf } from './trouble.cases.ts';
import { trouble } from './trouble.ts';

/** Reliability G4. */
const backWithinMs = 30_000;

const once = { first: 1, forever: false } as const;
const forEver = { first: 1, forever: true } as const;
const inLog = (fault: Fault): Case => ({ bytes: 'segments', from: 'running', within: 'commitlog', fault });

/** One of each sort; `npm run faults:trouble` tries all. */
const sample: readonly Case[] = [
  inLog({ kinds: ['write'], outcome: 'EIO', ...once }),
  inLog({ kinds: ['write'], outcome: 'ENOSPC', ...forEver }),
  inLog({ kinds: ['sync'], outcome: 'EIO', ...once }),
  inLog({ kinds: ['create'], outcome: 'EMFILE', ...forEver }),
  { bytes: 'leveldb', from: 'running', within: 'bodies', fault: { kinds: ['write'], outcome: 'EROFS', ...forEver } },
  { bytes: 'segments', from: 'running', within: 'index', fault: { kinds: ['write'], outcome: 'EIO', ...forEver } },
  // While it runs the index is synced once in 64 MB of the log alone.
  { bytes: 'segments', from: 'start', within: 'index', fault: { kinds: ['sync'], outcome: 'EIO', ...forEver } },
  {
    bytes: 'encrypted segments',
    from: 'start',
    within: 'keys',
    fault: { kinds: ['rename'], outcome: 'EIO', first: 2, forever: false },
  },
  { bytes: 'segments', from: 'start', within: '.', fault: { kinds: ['rename'], outcome: 'EIO', ...once } },
];

describe.skipIf(leftOut({ programs: ['cc'] }))(
  'a call of the store that fails: no false promise, and nothing lost',
  () => {
    for (const each of sample) {
      test(nameOf(each), async () => {
        const must = comesBack(each);
        const met = await trouble({ ...each, backWithinMs: must ? backWithinMs : 0 });
        expect(met.struck, 'calls that met the fault').toBeGreaterThan(0);
        expect(isSafe(met), JSON.stringify(met)).toBe(true);
        if (must) expect(met.smtpBackAfterMs, 'SMTP is served again').not.toBe(null);
      }, 120_000);
    }
  },
);
