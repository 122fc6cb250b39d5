/** Exit codes of every command (interface section 1, after sysexits). */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  unreachable: 69,
  tryAgain: 75,
  invalidConfig: 78,
} as const;
/** How `daybook status --check` ends instead, as plugins of Nagios and its kin do. */
export const checkCodes = { ok: 0, warning: 1, critical: 2, unknown: 3 } as const;
export type CheckCode = (typeof checkCodes)[keyof typeof checkCodes];
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes] | CheckCode;

/** A command's end that is not success: the code, and the one line for the person. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
  }
}
