import { isDeepStrictEqual } from 'node:util';
import { nothingFound } from './outside.ts';
import type { CallKind, FaultCode } from './shim.ts';
import type { Place, Trouble, TroubleOptions } from './trouble.ts';

export type Case = Omit<TroubleOptions, 'backWithinMs'>;

const codes: readonly FaultCode[] = ['EIO', 'ENOSPC', 'EMFILE', 'EROFS'];
const kinds: readonly CallKind[] = [
  'write',
  'sync',
  'open',
  'create',
  'rename',
  'unlink',
  'truncate',
  'mkdir',
  'chmod',
];

/** Every kind of call with every error, once and for ever, from the first, second and fourth call on, at each place. */
export function everyCase(bytes: Case['bytes']): readonly Case[] {
  const log = bytes === 'leveldb' ? 'bodies' : 'commitlog';
  const places: readonly Place[] = [log, 'index', '.', ...(bytes === 'encrypted segments' ? (['keys'] as const) : [])];
  return (['running', 'start'] as const).flatMap((from) =>
    places.flatMap((within) =>
      kinds.flatMap((kind) =>
        codes.flatMap((outcome) =>
          [1, 2, 4].flatMap((first) =>
            [false, true].map((forever) => ({
              bytes,
              from,
              within,
              fault: { kinds: [kind], outcome, first, forever },
            })),
          ),
        ),
      ),
    ),
  );
}

/** Whether SMTP is served again after the fault without a restart: always, where the engine was running (D-042). */
export const comesBack = ({ from }: Case): boolean => from === 'running';

/** What a fault must never do, whatever else it does. */
export const isSafe = ({ findings, meanwhile, failure }: Trouble): boolean =>
  failure === null &&
  isDeepStrictEqual(findings, nothingFound) &&
  isDeepStrictEqual([meanwhile.lost, meanwhile.doubled, meanwhile.changed], [[], [], []]);

export const nameOf = ({ bytes, from, within, fault }: Case): string =>
  `${bytes}, ${from}: ${fault.kinds.join('+')} in ${within} fails with ${fault.outcome} ${fault.forever ? 'from' : 'at'} call ${fault.first}${fault.forever ? ' on' : ''}`;
