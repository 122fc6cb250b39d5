import type { ClientPorts } from './client.ts';
import { Pop3Failure, RefusedCommand } from './pop3-failure.ts';
import { openSession } from './session.ts';
import { withoutPassword } from './shown.ts';
import type { MailboxOptions, SessionStage } from './types.ts';

/** One stage of a connection test. */
export interface TestStep {
  readonly step: SessionStage;
  readonly ok: boolean;
  /** What the other side showed of itself, or what went wrong; never a secret. */
  readonly detail: string;
  /** Kind of journaling d.5 of a stage that failed. */
  readonly kind: string | null;
  readonly ms: number;
}

/**
 * Connects, encrypts, signs in, counts and quits, and changes nothing: no RETR, no DELE (journaling d.2, T15). The stages
 * in order; the first that failed is the last.
 */
export async function testConnection(
  options: MailboxOptions,
  ports: ClientPorts,
  signal: AbortSignal,
): Promise<readonly TestStep[]> {
  const { clock } = ports;
  const steps: TestStep[] = [];
  let current: { readonly step: SessionStage; readonly startedAt: number } | null = null;
  const end = (ok: boolean, detail: string, kind: string | null): void => {
    if (current !== null) steps.push({ step: current.step, ok, detail, kind, ms: clock.now() - current.startedAt });
    current = null;
  };
  const stage = (step: SessionStage): void => {
    end(true, '', null);
    current = { step, startedAt: clock.now() };
  };
  try {
    const session = await openSession(options, { ...ports, stage }, signal);
    try {
      end(true, [session.peer, session.tlsVersion].filter((part) => part !== null).join(', '), null);
      stage('count');
      const count = await session.count();
      end(true, `${count} messages`, null);
      stage('quit');
      await session.quit();
      end(true, '', null);
    } finally {
      session.close();
    }
  } catch (error) {
    if (!(error instanceof Pop3Failure || error instanceof RefusedCommand)) throw error;
    const kind = error instanceof Pop3Failure ? error.kind : 'protocol';
    end(false, withoutPassword(error.message, options.password), kind);
  }
  return steps;
}
