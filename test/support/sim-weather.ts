import { below } from './prng.ts';
import type { SimTime } from './sim-clock.ts';
import { places, type SimEngine } from './sim-engine.ts';
import { pick } from './sim-mail.ts';

/** Clock jumps, forward by up to an hour and back by less than a minute, and an operator who suspends and activates. */
export function planWeather(
  time: SimTime,
  random: () => number,
  engineNow: () => SimEngine | null,
  say: (line: string) => void,
): void {
  const { world } = time;
  for (let jump = below(random, 3); jump > 0; jump -= 1) {
    const byMs = random() < 0.5 ? below(random, 3_600_000) : -below(random, 59_000);
    world.schedule(
      () => {
        say(`the clock is set by ${byMs} ms`);
        time.jump(byMs);
      },
      below(random, 20_000),
    );
  }
  const toggle = (place: (typeof places)[number], suspended: boolean): void => {
    const engine = engineNow();
    if (engine === null || engine.failed) return;
    say(`${suspended ? 'suspend' : 'activate'} ${place}`);
    engine.suspend(place, suspended).catch(() => undefined);
  };
  for (let turn = below(random, 3); turn > 0; turn -= 1) {
    const place = pick(random, places);
    world.schedule(() => toggle(place, true), below(random, 15_000));
  }
  // Again and again: a crash may take the operator's word before it is durable.
  const activate = (): void => {
    for (const place of places) if (engineNow()?.takes(place) === false) toggle(place, false);
    world.schedule(activate, 5_000);
  };
  world.schedule(activate, 16_000);
}
