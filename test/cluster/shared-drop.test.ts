import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DropRows, type Standing } from '../../src/cluster/drop-rows.ts';
import { openPostgres } from '../../src/cluster/postgres.ts';
import { type DropParts, dropPayloads } from '../../src/cluster/shared-drop.ts';
import type { Vault } from '../../src/cluster/vault.types.ts';
import type { MasterKey } from '../../src/master-key.ts';
import type { CommitLog } from '../../src/store/commit-log.types.ts';
import { masterKey } from '../support/master-keys.ts';
import { MemoryPacks } from '../support/memory-vault.ts';
import { type Postgres, postgresLeftOut, startPostgres } from '../support/postgres.ts';
import { mailDraft, openSharedLogFixture, sweepAt } from '../support/shared-log-fixture.ts';

describe.skipIf(postgresLeftOut())('payloads of a shared log', () => {
  let server: Postgres;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.[Symbol.asyncDispose]());

  /** Packs in memory are numbered from 1: those of an earlier test must be named by nothing. */
  const clear = () => server.asAdmin('drop schema if exists daybook cascade');
  const told = (at: number) => ({ subject: `told of ${at}` });
  /** A log with its packs and messages, `mails` of them in one pack after another. */
  async function set({
    mails = [4],
    inDatabase = false,
    wrap = (vault: Vault): Vault => vault,
    master = null as MasterKey | null,
  } = {}) {
    await clear();
    const packs = new MemoryPacks();
    const openVault = inDatabase ? null : () => wrap(packs.open());
    const fixture = await openSharedLogFixture({ postgres: openPostgres(server.url), openVault, master });
    const { log } = await fixture.open('one');
    const bodies: Buffer[] = [];
    for (const count of mails) {
      const some = Array.from({ length: count }, () => randomBytes(1_000));
      const from = bodies.length;
      await Promise.all(some.map((body, at) => log.append(mailDraft(body, told(from + at + 1)))));
      bodies.push(...some);
    }
    const rows = new DropRows(fixture.postgres, fixture.id);
    const holds = (seq: number): boolean =>
      [...packs.packs.values()].some(({ bytes }) => bytes.includes(bodies[seq - 1] ?? ''));
    const expectKept = async (of: CommitLog, seqs: readonly number[]): Promise<void> => {
      for (const seq of seqs)
        expect(Buffer.from(await of.slice(seq, 0, 1_000)).equals(bodies[seq - 1] ?? Buffer.alloc(0))).toBe(true);
    };
    /** Nothing of these anywhere, all of the others, and one unbroken chain. */
    const expectDropped = async (dropped: readonly number[]): Promise<void> => {
      const all = bodies.map((_, at) => at + 1);
      for (const seq of dropped) {
        await expect(log.slice(seq, 0, 1)).rejects.toMatchObject({ code: 'missing' });
        expect(holds(seq)).toBe(false);
      }
      await expectKept(
        log,
        all.filter((seq) => !dropped.includes(seq)),
      );
      const later = await fixture.open(`later-${randomBytes(4).toString('hex')}`);
      const seen = later.folded.map(({ seq, particulars }) => [seq, particulars]);
      expect(seen).toEqual(all.map((seq) => [seq, dropped.includes(seq) ? null : told(seq)]));
      const read = [];
      for await (const { seq } of log.records(0)) read.push(seq);
      expect(read).toEqual(all);
    };
    const named = async (): Promise<readonly string[]> =>
      (
        await server.asAdmin<{ pack: string }>(
          'select distinct pack from daybook.record where log = $1 and pack is not null',
          [fixture.id],
        )
      ).map(({ pack }) => pack);
    return { fixture, log, packs, bodies, rows, vault: packs.open(), holds, expectKept, expectDropped, named };
  }

  test('in the database go with their rows, and are given back once', async () => {
    const { fixture, log, bodies, expectDropped } = await set({ inDatabase: true });
    const tail = Buffer.byteLength(JSON.stringify(told(1)));
    expect(await log.drop(new Set([1, 3, 77]))).toBe(2 * (1_000 + tail));
    expect(await log.drop(new Set([1, 3]))).toBe(0);
    await expectDropped([1, 3]);
    const rows = await server.asAdmin<{ bytes: Buffer }>(
      'select bytes from daybook.body where log = $1 order by body',
      [fixture.id],
    );
    expect(rows.map(({ bytes }) => bytes)).toEqual([bodies[1], bodies[3]]);
    await fixture[Symbol.asyncDispose]();
  });

  test('go with their pack where nothing else is in it', async () => {
    const { fixture, log, packs, named, expectDropped } = await set({ mails: [2, 1] });
    expect(packs.packs.size).toBe(2);
    await log.drop(new Set([1, 2]));
    expect(packs.packs.size).toBe(1);
    await expectDropped([1, 2]);
    expect(await named()).toEqual([...packs.packs.keys()]);
    await log.drop(new Set([3]));
    expect([packs.packs.size, await named()]).toEqual([0, []]);
    await fixture[Symbol.asyncDispose]();
  });

  test.each([true, false])(
    'that are sealed are unreadable before their pack is gone (in the database: %s)',
    async (inDatabase) => {
      const { fixture, log, packs, holds, expectDropped, expectKept } = await set({
        inDatabase,
        master: masterKey(),
      });
      for (const seq of [1, 2, 3, 4]) expect(holds(seq)).toBe(false);
      const stored = Buffer.concat([...packs.packs.values()].map(({ bytes }) => bytes));
      for (let n = 0; n < 2; n += 1) await log.destroy([2, 4, 99]);
      await expectDropped([2, 4]);
      const rows = await server.asAdmin<{ salts: number }>(
        `select octet_length(tail) as salts from daybook.record where log = $1 order by seq`,
        [fixture.id],
      );
      expect(rows.map(({ salts }) => salts > 0)).toEqual([true, false, true, false]);
      expect(Buffer.concat([...packs.packs.values()].map(({ bytes }) => bytes)), 'not yet').toEqual(stored);
      await log.drop(new Set([2, 4]));
      await expectDropped([2, 4]);
      if (!inDatabase) expect([...packs.packs.values()].every(({ bytes }) => bytes.length < stored.length)).toBe(true);
      await expectKept(log, [1, 3]);
      await fixture[Symbol.asyncDispose]();
    },
  );

  test('in clear are not dropped by a call to destroy their keys', async () => {
    const { fixture, log, expectKept } = await set({ inDatabase: true });
    await log.destroy([2]);
    await expectKept(log, [1, 2, 3, 4]);
    await fixture[Symbol.asyncDispose]();
  });

  test('go from a pack that others need: those stand in a new one, byte for byte', async () => {
    const { fixture, log, packs, named, expectDropped } = await set({ mails: [4, 3] });
    await log.drop(new Set([2, 4, 5]));
    await expectDropped([2, 4, 5]);
    expect([...packs.packs.keys()].sort()).toEqual([...(await named())].sort());
    expect(packs.packs.size).toBe(2);
    await fixture[Symbol.asyncDispose]();
  });

  test.each(['before', 'after'] as const)('are gone in the end whatever step was the last %s a crash', async (when) => {
    for (let step = 0; ; step += 1) {
      const { fixture, rows, packs, vault, holds, expectDropped, named } = await set({ mails: [3, 1] });
      let left = step;
      const steps = <T extends object>(of: T): T =>
        new Proxy(of, {
          get:
            (target, name) =>
            async (...given: unknown[]) => {
              left -= 1;
              const isLast = left === -1;
              if (isLast && when === 'before') throw new Error('crash');
              const answer = await (Reflect.get(target, name) as (...all: unknown[]) => unknown).apply(target, given);
              if (isLast) throw new Error('crash');
              return answer;
            },
        });
      const counted: DropParts = { rows: steps(rows), vault: steps(vault), store: steps(vault).store };
      const crashed = await dropPayloads(counted, [1, 4]).then(
        () => false,
        () => true,
      );
      await dropPayloads({ rows, vault, store: vault.store }, [1, 4]);
      for (const seq of [1, 4]) expect(holds(seq)).toBe(false);
      // What was stored for the others and is not named by anything is for the sweep.
      await sweepAt(fixture, vault, Date.now() + 86_400_001);
      await expectDropped([1, 4]);
      expect(packs.packs.size).toBe(1);
      expect(await named()).toEqual([...packs.packs.keys()]);
      await fixture[Symbol.asyncDispose]();
      if (!crashed) return void expect(step).toBeGreaterThan(8);
    }
  });

  test('of one pack may be dropped by two workers at once', async () => {
    const { fixture, log, packs, named, expectDropped } = await set({ mails: [12] });
    const two = await fixture.open('two');
    await Promise.all([log.drop(new Set([1, 5, 9])), two.log.drop(new Set([2, 6, 10])), log.drop(new Set([3]))]);
    await expectDropped([1, 2, 3, 5, 6, 9, 10]);
    expect([...packs.packs.keys()].sort()).toEqual([...(await named())].sort());
    await fixture[Symbol.asyncDispose]();
  });

  test('do not take their pack with them on the word of a server that was cut off before the rest of it was written', async () => {
    const { fixture, vault, log, expectKept } = await set({ mails: [2] });
    class CutOff extends DropRows {
      override standing = async (): Promise<readonly Standing[]> => [];
    }
    const cutOff = new CutOff(fixture.postgres, fixture.id);
    await expect(dropPayloads({ rows: cutOff, vault, store: vault.store }, [1])).rejects.toMatchObject({
      code: 'store-failed',
    });
    await expectKept(log, [2]);
    await fixture[Symbol.asyncDispose]();
  });

  test('that another worker drops while the rest is carried over are not carried over', async () => {
    const { fixture, rows, vault, packs, expectDropped } = await set({ mails: [4] });
    let isFirst = true;
    const store: Vault['store'] = async (bodies) => {
      const refs = await vault.store(bodies);
      if (isFirst) await rows.drop([2]);
      isFirst = false;
      return refs;
    };
    await dropPayloads({ rows, vault, store }, [1]);
    await expectDropped([1, 2]);
    expect(packs.packs.size).toBe(1);
    await fixture[Symbol.asyncDispose]();
  });

  test('are found by who had looked up their place before they were carried over', async () => {
    let between = async (): Promise<void> => undefined;
    const wrap = (vault: Vault): Vault => ({
      ...vault,
      read: async (...given) => {
        const once = between;
        between = async () => undefined;
        await once();
        return vault.read(...given);
      },
    });
    const { fixture, log, rows, vault, expectKept } = await set({ wrap });
    between = async () => void (await dropPayloads({ rows, vault, store: vault.store }, [1]));
    await expectKept(log, [2]);
    between = async () => void (await dropPayloads({ rows, vault, store: vault.store }, [2]));
    await expect(log.slice(2, 0, 1_000)).rejects.toMatchObject({ code: 'missing' });
    await fixture[Symbol.asyncDispose]();
  });

  test('are dropped beside one that is damaged: it is carried over as it is, and so told', async () => {
    const { fixture, log, packs, bodies } = await set({ mails: [3] });
    const [pack] = [...packs.packs.values()];
    const at = pack?.bytes.indexOf(bodies[1] ?? '') ?? 0;
    pack?.bytes.writeUInt8((pack.bytes[at] ?? 0) ^ 1, at);
    await expect(log.slice(2, 0, 1_000)).rejects.toMatchObject({ code: 'damaged' });
    await log.drop(new Set([1]));
    const kept = Buffer.from(await log.slice(2, 0, 1_000));
    expect(kept.equals(bodies[1] ?? kept)).toBe(false);
    expect(kept.subarray(1).equals(bodies[1]?.subarray(1) ?? kept)).toBe(true);
    await fixture[Symbol.asyncDispose]();
  });

  test('are taken in and read while others are dropped', async () => {
    const { fixture, log, expectKept } = await set({ mails: [20, 20] });
    const more = randomBytes(1_000);
    const taking = Array.from({ length: 30 }, () => log.append(mailDraft(more, told(0))));
    const dropping = log.drop(new Set(Array.from({ length: 20 }, (_, at) => 2 * at + 1)));
    await Promise.all([...taking, dropping, expectKept(log, [2, 4, 38, 40])]);
    for (const { seq } of await Promise.all(taking))
      expect(Buffer.from(await log.slice(seq, 0, 1_000)).equals(more)).toBe(true);
    await fixture[Symbol.asyncDispose]();
  });
});
