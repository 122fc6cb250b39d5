import { expect, test } from 'vitest';
import { openStoreFixture, sha256, storeKinds, value } from '../support/store-fixture.ts';
import { receivedOf } from '../support/stream-shapes.ts';

/** The worst that a caller may do with chunks it is told are done: they are somebody else's from then on. */
const spoil = (chunks: readonly Uint8Array[]): void => {
  for (const chunk of chunks) chunk.fill(0x78);
};

for (const bytes of storeKinds) {
  test(`whatever becomes of chunks that are done, equal messages taken at once are all stored as they came (${bytes})`, async () => {
    await using fixture = await openStoreFixture(bytes);
    const { store } = fixture;
    const message = 'the same for everyone\r\n'.repeat(4_000);
    const digest = sha256(message);
    // As the line does: what is due is lent and parsed, while others are still on their way to the disk.
    let lent = 0;
    const watching = store.touched$.subscribe(() => {
      const read = store.bodies.lend?.(digest, (found) => ({ digest: sha256(found) }));
      if (read === undefined) return;
      lent += 1;
      expect(read.digest).toBe(digest);
    });
    const ids = Array.from({ length: 200 }, (_, at) => `intake-${String(at).padStart(4, '0')}`);
    // Forty senders of five messages each: a message of one is on its way while another one's before it is parsed.
    const senders = Array.from({ length: 40 }, (_, sender) => ids.filter((_id, at) => at % 40 === sender));
    const take = async (ids: readonly string[], sender: number): Promise<void> => {
      for (let turns = sender % 23; turns > 0; turns -= 1) await new Promise((resolve) => setImmediate(resolve));
      for (const id of ids) {
        const receipt = store.custody.begin(spoil);
        const whole = Buffer.from(message);
        for (let from = 0; from < whole.length; from += 65_536)
          await receipt.write(whole.subarray(from, from + 65_536));
        await receipt.commit(receivedOf(id));
      }
    };
    await Promise.all(senders.map(take));
    watching.unsubscribe();
    expect(lent).toBeGreaterThan(1);
    for (const id of ids) {
      const row = await store.intake.get(id);
      expect(row?.sha256).toBe(digest);
      const [slice] = row?.body ?? [];
      const stored = await store.log.slice(slice?.seq ?? 0, 0, slice?.length ?? 0);
      expect(sha256(stored), id).toBe(digest);
    }
    expect(
      sha256(await value(store.bodies.read((await store.intake.get('intake-0007'))?.body ?? [], 'identity', digest))),
    ).toBe(digest);
  });
}
