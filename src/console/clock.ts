import { signal } from '@preact/signals';

/** This browser's time, each second. */
export const now = signal(Date.now());
/** How far the engine's clock is ahead of this browser's. */
const aheadMs = signal(0);

/** The engine's time now, epoch milliseconds. */
export const engineNow = (): number => now.value + aheadMs.value;

export function setServerTime(at: number): void {
  aheadMs.value = at - Date.now();
}

export function tick(): void {
  setInterval(() => {
    now.value = Date.now();
  }, 1000);
}
