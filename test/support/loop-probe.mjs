// Preloaded into an engine: SIGUSR2 writes the longest time that its event loop worked without a pause since the last one,
// in milliseconds. It is the time the main thread had the CPU, by the kernel's own count: on a busy machine a thread may
// also wait for one, which is nobody's fault in here.
import { readFileSync, writeFileSync } from 'node:fs';

const everyMs = 5;
const file = new URL(import.meta.url).searchParams.get('file');
const ranMs = () => Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6;
let longestMs = 0;
let last = ranMs();
setInterval(() => {
  const now = ranMs();
  longestMs = Math.max(longestMs, now - last);
  last = now;
}, everyMs).unref();
process.on('SIGUSR2', () => {
  writeFileSync(file, String(longestMs));
  longestMs = 0;
});
