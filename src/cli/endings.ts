import { checkCodes, exitCodes } from './exit-codes.ts';

/** What each exit code says: in the man page and the reference. */
export const endings: readonly (readonly [code: number, text: string])[] = [
  [exitCodes.done, 'Done.'],
  [exitCodes.failed, 'Failed.'],
  [exitCodes.usage, 'Wrong usage.'],
  [exitCodes.unreachable, 'Engine not reachable.'],
  [exitCodes.tryAgain, 'Try again.'],
  [exitCodes.invalidConfig, 'Configuration invalid.'],
];

/** Of `daybook status --check` alone, as monitoring plugins end. */
export const checkEndings: readonly (readonly [code: number, text: string])[] = [
  [checkCodes.ok, 'OK'],
  [checkCodes.warning, 'WARNING'],
  [checkCodes.critical, 'CRITICAL: also where no engine answers.'],
  [checkCodes.unknown, 'UNKNOWN: wrong usage, no configuration, no such definition, or no right to ask.'],
];
