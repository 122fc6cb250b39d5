import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { LogRows, WrittenRow } from '../../src/cluster/log-rows.ts';
import { openLogRows } from '../../src/cluster/open-shared-log.ts';
import type { Postgres } from '../../src/cluster/postgres.ts';
import { createSharedDocuments } from '../../src/cluster/shared-documents.ts';
import { enter, lookAt, release, seek, type TenureParts } from '../../src/cluster/tenure-rows.ts';
import { definitionTenure } from '../../src/cluster/tenures.ts';

export interface RowsHome {
  readonly postgres: Postgres;
  /** Time of the server, for all that ends by it. */
  pass(ms: number): Promise<void>;
  remove(): Promise<void>;
}

const session = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
const head = (seq: number) => ({ seq, hash: String(seq % 10).repeat(64) });
const row = (seq: number, body: string | null = null): WrittenRow => ({
  seq,
  head: Buffer.from(`head ${seq}`),
  tail: Buffer.alloc(0),
  bodyLength: 0,
  place: body === null ? null : { body },
});
const written = (seq: number, batch: number, before: number | null = null) => ({
  ...{ head: head(seq), worker: 'one', session: session(1), batch },
  last: before === null ? null : { session: session(1), batch: before },
});

/** A door that somebody opens. */
function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/**
 * What the workers of a cluster rely on in their database: what is locked, what is seen when, and what a transaction leaves
 * that came to nothing. The simulation has a database of its own, which is as good as this says.
 */
export function rowsContract(name: string, makeHome: () => Promise<RowsHome>): void {
  describe(`the rows of a cluster in ${name}`, () => {
    let home: RowsHome;
    let rows: LogRows;
    beforeEach(async () => {
      home = await makeHome();
      rows = await openLogRows(home.postgres, `log-${randomUUID()}`);
    });
    afterEach(() => home.remove());
    const parts = (): Parts => ({ ...home, rows });
    logRows(parts);
    tenureRows(parts);
    documentRows(parts);
  });
}

interface Parts extends RowsHome {
  readonly rows: LogRows;
}
type Now = () => Parts;

/** Begins a transaction that has done `work` and stays open until it is let go. */
async function held(
  postgres: Postgres,
  work: Parameters<Postgres['transaction']>[0],
): Promise<{ readonly letGo: (error?: Error) => Promise<void> }> {
  const [done, end] = [gate(), gate()];
  let failure: Error | undefined;
  const running = postgres.transaction(async (run) => {
    await work(run);
    done.open();
    await end.opened;
    if (failure !== undefined) throw failure;
  });
  await Promise.race([done.opened, running]);
  return {
    letGo: async (error) => {
      failure = error;
      end.open();
      await running.catch((thrown: unknown) => {
        if (thrown !== error) throw thrown;
      });
    },
  };
}

/** Resolves once a statement that was asked for waits for a lock: others go on meanwhile. */
const untilOthersAnswered = async ({ rows }: Parts): Promise<void> => {
  for (let at = 0; at < 20; at += 1) await rows.head();
};

function logRows(now: Now): void {
  test('who waits for the row of the log sees what was committed meanwhile, and what its own worker wrote last', async () => {
    const { postgres, rows } = now();
    const first = await held(postgres, async (run) => {
      await rows.lock(run);
      expect(await rows.lastWrite(run, 'one')).toBeNull();
      expect(await rows.write(run, [row(1)], written(1, 1))).toBe(true);
    });
    const lockAndLook = (worker: string) =>
      postgres.transaction(async (run) => ({ ...(await rows.lock(run)), last: await rows.lastWrite(run, worker) }));
    const waiting = lockAndLook('one');
    await untilOthersAnswered(now());
    expect(await rows.head()).toMatchObject({ seq: 0 });
    await first.letGo();
    expect(await waiting).toMatchObject({
      ...head(1),
      last: { session: session(1), batch: 1, firstSeq: 1, lastSeq: 1 },
    });
    expect((await lockAndLook('two')).last).toBeNull();
  });

  test('what a transaction has written that came to nothing is not there, and its row is free', async () => {
    const { postgres, rows } = now();
    const given = new Error('given up');
    const bodies: string[] = [];
    const first = await held(postgres, async (run) => {
      bodies.push(...(await rows.storeBodies(run, [Buffer.from('body')])));
      await rows.lock(run);
      await rows.write(run, [row(1, bodies[0])], written(1, 1));
      expect(await rows.lastWrite(run, 'one')).toMatchObject({ batch: 1 });
    });
    await first.letGo(given);
    await expect(rows.read(1)).rejects.toMatchObject({ code: 'missing' });
    await expect(rows.readBody(bodies[0] ?? '', 0, 4)).rejects.toMatchObject({ code: 'missing' });
    expect(await postgres.transaction((run) => rows.lock(run))).toMatchObject({ seq: 0 });
    expect(await postgres.transaction((run) => rows.lastWrite(run, 'one'))).toBeNull();
  });

  test('a group is noted as the last of its worker behind the one that is said to be, and behind no other', async () => {
    const { postgres, rows } = now();
    const write = (...[seq, batch, before]: Parameters<typeof written>) =>
      postgres.transaction((run) => rows.write(run, seq === 0 ? [] : [row(seq)], written(seq, batch, before)));
    const last = () => postgres.transaction((run) => rows.lastWrite(run, 'one'));
    expect(await write(1, 1)).toBe(true);
    expect(await write(2, 2, 1)).toBe(true);
    expect(await last()).toEqual({ session: session(1), batch: 2, firstSeq: 2, lastSeq: 2 });
    for (const before of [null, 1]) {
      const given = new Error('given up');
      const trying = postgres.transaction(async (run) => {
        expect(await rows.write(run, [row(3)], written(3, 3, before))).toBe(false);
        throw given;
      });
      await expect(trying).rejects.toBe(given);
    }
    expect(await rows.head()).toMatchObject({ seq: 2 });
    expect(await last()).toMatchObject({ batch: 2 });
    const other = { ...written(3, 2, 2), session: session(2), last: { session: session(2), batch: 2 } };
    expect(await postgres.transaction((run) => rows.write(run, [], other)), 'of another session').toBe(false);
  });

  test('two records of one number cannot stand', async () => {
    const { postgres, rows } = now();
    const first = await held(postgres, (run) => rows.insert(run, [row(1)]));
    const second = postgres.transaction((run) => rows.insert(run, [row(1)]));
    second.catch(() => undefined);
    await untilOthersAnswered(now());
    await first.letGo();
    await expect(second).rejects.toMatchObject({ code: '23505' });
    const third = await held(postgres, (run) => rows.insert(run, [row(2)]));
    const fourth = postgres.transaction((run) => rows.insert(run, [row(2)]));
    await untilOthersAnswered(now());
    await third.letGo(new Error('given up'));
    await fourth;
    expect((await rows.readAfter(0, 9, 9)).map(({ seq }) => seq)).toEqual([1, 2]);
  });

  test('a body that a group leaves out is gone with it', async () => {
    const { postgres, rows } = now();
    const [kept = '', left = ''] = await postgres.transaction(async (run) => {
      const bodies = await rows.storeBodies(run, [Buffer.from('kept'), Buffer.from('left')]);
      await rows.removeBodies(run, bodies.slice(1));
      return bodies;
    });
    expect((await rows.readBody(kept, 1, 2)).toString()).toBe('ep');
    await expect(rows.readBody(left, 0, 1)).rejects.toMatchObject({ code: 'missing' });
  });
}

const tenureMs = 600_000;

function tenureRows(now: Now): void {
  const worker = (name: string): TenureParts => ({ postgres: now().postgres, log: now().rows.id, worker: name });
  const look = (name: string, life: string | null, held: ReadonlyMap<string, string> = new Map()) =>
    lookAt(worker(name), { held, life, tenureMs });

  test('a name is one worker’s until its time is over, by tokens that only grow', async () => {
    const { pass } = now();
    const one = await look('one', null);
    const first = await seek(worker('one'), ['a', 'b'], tenureMs);
    expect([...first.keys()].toSorted()).toEqual(['a', 'b']);
    expect(await seek(worker('two'), ['a', 'c'], tenureMs)).toEqual(new Map([['c', expect.any(String)]]));
    const renewed = await look('one', one.life, first);
    expect(renewed.life).toBe(one.life);
    expect(renewed.renewed).toEqual(first);
    expect(renewed.all).toEqual(new Map(Object.entries({ 'worker:one': 'one', a: 'one', b: 'one', c: 'two' })));
    await pass(tenureMs + 1_000);
    expect((await look('two', null, first)).renewed).toEqual(new Map());
    const second = await seek(worker('two'), ['a'], tenureMs);
    expect(BigInt(second.get('a') ?? 0)).toBeGreaterThan(BigInt(first.get('a') ?? 0));
    const late = await look('one', one.life, first);
    // Its own row is renewed, since nobody else has it; what it held is not its own any more, by name or by time.
    expect(late.life).toBe(one.life);
    expect(late.renewed).toEqual(new Map());
  });

  test('what is given back is free at once, and only what is given back', async () => {
    const got = await seek(worker('one'), ['a', 'b'], tenureMs);
    await release(worker('two'), [got.get('a') ?? '']);
    expect(await seek(worker('two'), ['a', 'b'], tenureMs)).toEqual(new Map());
    await release(worker('one'), [got.get('a') ?? '']);
    expect([...(await seek(worker('two'), ['a', 'b'], tenureMs)).keys()]).toEqual(['a']);
  });

  test('a new life of a worker frees what the former one held; one of another home is refused while it lives', async () => {
    await enter({ ...worker('one'), home: 'here' });
    const first = await look('one', null);
    await seek(worker('one'), ['a'], tenureMs);
    await expect(enter({ ...worker('one'), home: 'there' })).rejects.toMatchObject({ code: 'locked' });
    await enter({ ...worker('one'), home: 'here' });
    expect((await look('two', null)).all).toEqual(new Map([['worker:two', 'two']]));
    const second = await look('one', null);
    expect(BigInt(second.life ?? 0)).toBeGreaterThan(BigInt(first.life ?? 0));
    expect((await look('one', first.life)).life, 'the former life').toBeNull();
  });
}

function documentRows(now: Now): void {
  const documents = (token: () => string | null) =>
    createSharedDocuments({ postgres: now().postgres, log: now().rows.id, seal: null, tokenOf: token });
  const take = async (worker: string): Promise<string> => {
    const { postgres, rows } = now();
    const got = await seek({ postgres, log: rows.id, worker }, [definitionTenure('a')], tenureMs);
    return got.get(definitionTenure('a')) ?? 'none';
  };
  const seen = (...keys: readonly string[]) => new Map(keys.map((key) => [key, { key }]));

  test('are written by who holds the definition, all or nothing, and by nobody whose time is over', async () => {
    const { pass } = now();
    const token = await take('one');
    const one = documents(() => token);
    await one.writeUidl('a', seen('u1', 'u2'), { sync: true });
    await one.writeUidl('a', new Map([...seen('u3'), ['u1', null]]), { sync: true });
    await one.saveRuntime('a', { at: 1 });
    expect(await one.readUidl('a')).toEqual(seen('u2', 'u3'));
    await pass(tenureMs + 1_000);
    await expect(one.saveRuntime('a', { at: 2 })).rejects.toMatchObject({ code: 'store-failed' });
    const next = await take('two');
    await expect(one.writeUidl('a', new Map([['u2', null]]), { sync: true })).rejects.toMatchObject({
      code: 'store-failed',
    });
    const two = documents(() => next);
    expect(await two.loadRuntime('a')).toEqual({ at: 1 });
    expect(await two.readUidl('a')).toEqual(seen('u2', 'u3'));
    await two.forget('a');
    expect([await two.readUidl('a'), await two.loadRuntime('a')]).toEqual([new Map(), undefined]);
  });

  test('a definition does not go over while its holder writes', async () => {
    const { postgres, rows, pass } = now();
    const name = definitionTenure('a');
    const token = await take('one');
    const writing = await held(postgres, async (run) => {
      const text = `select 1 as held from daybook.tenure
               where log = $1 and name = $2 and token = $3 and expires > clock_timestamp() for share`;
      expect(await run({ name: 'held', text, values: [rows.id, name, token] })).toHaveLength(1);
    });
    let isTaken = false;
    const taking = (async () => {
      const got = await seek({ postgres, log: rows.id, worker: 'two' }, [name], tenureMs);
      isTaken = true;
      return got;
    })();
    await untilOthersAnswered(now());
    expect(isTaken).toBe(false);
    await writing.letGo();
    await pass(0);
    expect(await taking).toEqual(new Map());
  });
}
