import { execFile } from 'node:child_process';
import { asyncScheduler, interval, type SchedulerLike, Subscription, takeWhile } from 'rxjs';
import type { Log } from './log.ts';

/** Tells systemd how the service is (sd_notify(3)); does nothing where nobody listens. */
export interface ServiceManager extends Disposable {
  /** READY=1 once `isReady`, and the watchdog from then on. */
  starting(isReady: () => boolean): void;
  reloading(): void;
  reloaded(): void;
  stopping(): void;
}

/** How often a start is asked whether it has come to its end. */
const lookEveryMs = 100;

interface ServiceManagerOptions {
  readonly env: NodeJS.ProcessEnv;
  readonly pid: number;
  readonly log: Log;
  readonly clock?: SchedulerLike;
}

/**
 * Node cannot write to the datagram socket that systemd gives, and an addon would have to be built, so `systemd-notify`
 * does it: the unit needs `NotifyAccess=all`. The watchdog says that the event loop runs. It says so while the store has
 * failed too: the engine opens that anew by itself, and being killed for a full disk would cost readers theirs.
 */
export function openServiceManager({ env, pid, log, clock = asyncScheduler }: ServiceManagerOptions): ServiceManager {
  const isListening = (env['NOTIFY_SOCKET'] ?? '') !== '';
  const timers = new Subscription();
  let last: Promise<void> = Promise.resolve();
  let hasFailed = false;
  const say = (...words: readonly string[]): void => {
    if (!isListening) return;
    // One after another: what was said last is what counts.
    last = last
      .then(() => notify(words, env))
      .catch((error: unknown) => {
        if (!hasFailed) log('warn', 'systemd could not be told', { error: String(error) });
        hasFailed = true;
      });
  };
  const watchdogMs = watchdogOf(env, pid);
  return {
    starting: (isReady) => {
      if (!isListening) return;
      const asked = interval(lookEveryMs, clock).pipe(takeWhile(() => !isReady(), true));
      timers.add(
        asked.subscribe({
          complete: () => {
            say('READY=1', 'STATUS=taking mail');
            if (watchdogMs !== null) timers.add(interval(watchdogMs / 2, clock).subscribe(() => say('WATCHDOG=1')));
          },
        }),
      );
    },
    reloading: () => say('RELOADING=1', `MONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`),
    reloaded: () => say('READY=1'),
    stopping: () => say('STOPPING=1', 'STATUS=draining'),
    [Symbol.dispose]: () => timers.unsubscribe(),
  };
}

/** The watchdog's time, where it is meant for this process. */
function watchdogOf(env: NodeJS.ProcessEnv, pid: number): number | null {
  const usec = Number(env['WATCHDOG_USEC'] ?? 0);
  const isOurs = (env['WATCHDOG_PID'] ?? String(pid)) === String(pid);
  return usec > 0 && isOurs ? usec / 1_000 : null;
}

/** One that does not end by then is given up; the next is tried all the same. */
const notifyWithinMs = 10_000;

function notify(words: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  return new Promise((resolve, reject) => {
    const { PATH, NOTIFY_SOCKET } = env;
    const own = { PATH, NOTIFY_SOCKET } as NodeJS.ProcessEnv;
    execFile('systemd-notify', [...words], { env: own, timeout: notifyWithinMs }, (error) =>
      error === null ? resolve() : reject(error),
    );
  });
}
