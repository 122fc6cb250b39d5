/** Exit codes of every command (interface section 1, after sysexits). */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  unreachable: 69,
  tryAgain: 75,
  invalidConfig: 78,
} as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A command's end that is not success: the code, and the one line for the person. */
export class CommandFailure extends Error {
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
  }
}
