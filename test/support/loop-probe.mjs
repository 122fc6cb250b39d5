// Preloaded into an engine: SIGUSR2 writes the longest time its event loop was held since the last one, in milliseconds.
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';

const resolution = 5;
const file = new URL(import.meta.url).searchParams.get('file');
const delay = monitorEventLoopDelay({ resolution });
delay.enable();
process.on('SIGUSR2', () => {
  writeFileSync(file, String(delay.max / 1e6 - resolution));
  delay.reset();
});
