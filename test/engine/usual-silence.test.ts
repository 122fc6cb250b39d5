import { expect, test } from 'vitest';
import { type Learning, learn, nothingLearnt, unusualText, usualAt } from '../../src/engine/usual-silence.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const week = 7 * day;
/** A Monday, midnight. */
const monday = Date.UTC(2026, 8, 7);

/**
 * A sender with habits: each few minutes on working days from seven to seven, every other hour at night and at weekends.
 * Looked at once a minute, as the engine does.
 */
class Sender {
  learning: Learning = nothingLearnt;
  now = monday;
  readonly warned: string[] = [];
  #lastAt = monday;
  #nextAt = monday;
  #warning = false;

  pass(until: number, { silent = false, away = false }: { silent?: boolean; away?: boolean } = {}): void {
    for (; this.now < until; this.now += minute) {
      if (!silent && this.now >= this.#nextAt) this.#send();
      const silentMs = this.now - this.#lastAt;
      this.learning = learn(this.learning, away ? null : silentMs, this.now);
      const usual = usualAt(this.learning.silences, this.now);
      const isFar = !away && usual !== null && silentMs > usual.limitMs;
      if (isFar && !this.#warning) this.warned.push(unusualText(silentMs, usual, this.now));
      this.#warning = isFar;
    }
    if (silent) this.#nextAt = this.now;
  }

  #send(): void {
    const [dayOfWeek, hours] = [Math.floor((this.now - monday) / day) % 7, Math.floor((this.now % day) / hour)];
    const isBusy = dayOfWeek < 5 && hours >= 7 && hours < 19;
    const odd = Math.floor(this.now / minute) % 5;
    this.#lastAt = this.now;
    this.#nextAt = this.now + (isBusy ? 4 + odd : 100 + 4 * odd) * minute;
  }
}

test('eight usual weeks: nights and weekends are no news', () => {
  const sender = new Sender();
  sender.pass(monday + 8 * week);
  expect(sender.warned).toEqual([]);
});

test('an outage on a working day is told within half an hour, with its figures, though three hours are allowed', () => {
  const sender = new Sender();
  sender.pass(monday + 5 * week + 2 * day + 10.5 * hour);
  sender.pass(monday + 5 * week + 2 * day + 11 * hour, { silent: true });
  expect(sender.warned).toEqual([
    'no message for 23 min; on Wednesdays about 10:00 UTC the longest silence of the last 5 weeks was 7 min, the worst week left out',
  ]);
});

test('an outage at night is told once the silence is twice what the night knows', () => {
  const sender = new Sender();
  sender.pass(monday + 5 * week + day + 22 * hour);
  sender.pass(monday + 5 * week + 2 * day + 6 * hour, { silent: true });
  expect(sender.warned).toHaveLength(1);
  const minutes = /^no message for (\d+) h(?: (\d+) min)?/.exec(sender.warned[0] ?? '');
  const told = Number(minutes?.[1]) * 60 + Number(minutes?.[2] ?? 0);
  // The longest of the neighbouring hours is 99 minutes.
  expect(told).toBe(199);
});

test('it says nothing in its first four weeks', () => {
  const sender = new Sender();
  sender.pass(monday + 2 * week + 10 * hour);
  sender.pass(monday + 2 * week + 18 * hour, { silent: true });
  expect([sender.warned, usualAt(sender.learning.silences, sender.now)]).toEqual([[], null]);
});

test('one outage does not make the next one usual', () => {
  const sender = new Sender();
  sender.pass(monday + 5 * week + 10 * hour);
  sender.pass(monday + 5 * week + 14 * hour, { silent: true });
  sender.pass(monday + 6 * week + 10 * hour);
  sender.pass(monday + 6 * week + 14 * hour, { silent: true });
  expect(sender.warned).toHaveLength(2);
});

test('time in which nobody listened is not learnt, and an hour of it breaks nothing', () => {
  const sender = new Sender();
  sender.pass(monday + 5 * week + 10 * hour);
  sender.pass(sender.now + minute);
  const before = JSON.stringify(sender.learning.silences);
  sender.pass(monday + 5 * week + 10 * hour + 30 * minute, { away: true });
  sender.pass(monday + 5 * week + 11 * hour + 5 * minute, { silent: true });
  expect(JSON.stringify(sender.learning.silences) === before).toBe(true);
});

test('its memory is bounded: eight weeks of 168 hours, whatever comes', () => {
  const sender = new Sender();
  sender.pass(monday + 11 * week);
  expect(sender.learning.silences).toHaveLength(168);
  expect(sender.learning.silences.every(({ length }) => length <= 8)).toBe(true);
  expect(JSON.stringify(sender.learning.silences).length).toBeLessThan(25_000);
});
