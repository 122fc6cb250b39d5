import { beforeEach, describe, expect, test } from 'vitest';
import { BodiesSight, refusalStandsMs } from '../../src/cluster/bodies-sight.ts';
import type { Vault } from '../../src/cluster/vault.types.ts';
import { EngineFailure } from '../../streams/failure.ts';
import { MemoryPacks } from '../support/memory-vault.ts';
import { VirtualClock } from '../support/virtual-time.ts';

const refused = new EngineFailure('store-failed', 'QuotaExceeded');
const body = [[Buffer.from('soup')]];

/** A room that takes or refuses as it is told, and is asked whether it does. */
describe('what is known of the room of bodies', () => {
  let clock: VirtualClock;
  let sight: BodiesSight;
  let isFull: boolean;
  let isThere: boolean;
  let vault: Vault;
  const open = (): Vault => {
    const memory = new MemoryPacks().open();
    return sight.watch({
      ...memory,
      store: (payloads) => (isFull ? Promise.reject(refused) : memory.store(payloads)),
      answers: () => (isThere ? memory.answers() : Promise.reject(refused)),
    });
  };
  beforeEach(() => {
    clock = new VirtualClock();
    sight = new BodiesSight(clock);
    [isFull, isThere] = [false, true];
    vault = open();
  });

  test('where nothing is stored it is asked for an answer', async () => {
    await sight.look();
    isThere = false;
    await expect(sight.look()).rejects.toBe(refused);
    isThere = true;
    await sight.look();
  });

  test('one that answers and refuses is known by that, until it takes something or nobody has come for a minute', async () => {
    isFull = true;
    await expect(vault.store(body)).rejects.toBe(refused);
    clock.runUntil(refusalStandsMs - 1);
    await expect(sight.look()).rejects.toBe(refused);
    clock.runUntil(refusalStandsMs);
    await sight.look();
    await expect(vault.store(body)).rejects.toBe(refused);
    isFull = false;
    await vault.store(body);
    await sight.look();
  });

  test('what a close gives up is no refusal, and the next vault is the one that is asked', async () => {
    const [ref] = await vault.store(body);
    await vault[Symbol.asyncDispose]();
    await expect(vault.store(body)).rejects.toMatchObject({ code: 'store-failed' });
    await sight.look();
    isThere = false;
    open();
    await expect(sight.look()).rejects.toBe(refused);
    expect(ref).toMatchObject({ at: 0, length: 4 });
  });
});
