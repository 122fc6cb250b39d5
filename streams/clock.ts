import type { SchedulerLike, Subscription } from 'rxjs';

/** XState timers driven by an RxJS scheduler, so that machines and streams share one time line (D-005). */
export function schedulerClock(scheduler: SchedulerLike) {
  return {
    setTimeout: (run: () => void, delayMs: number): Subscription => scheduler.schedule(() => run(), delayMs),
    clearTimeout: (timer: Subscription | undefined): void => timer?.unsubscribe(),
  };
}
