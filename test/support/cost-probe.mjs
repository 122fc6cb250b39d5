// Preloaded into an engine: SIGUSR2 begins to count, a second one writes what was counted since: bytes allocated on the
// heap (V8's sampling, what is collected again included) and calls that write or sync through a file handle.
import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { Session } from 'node:inspector';

const file = new URL(import.meta.url).searchParams.get('file');
/** Bytes between two samples: some thousand samples in a run, hardly any CPU. */
const samplingInterval = 65_536;
const session = new Session();
session.connect();
const counts = { syncs: 0, writes: 0 };
let begun = false;

const handle = await open('/dev/null');
const prototype = Object.getPrototypeOf(handle);
await handle.close();
for (const [name, counted] of [
  ['sync', 'syncs'],
  ['datasync', 'syncs'],
  ['write', 'writes'],
  ['writev', 'writes'],
]) {
  const original = prototype[name];
  prototype[name] = function (...args) {
    counts[counted] += 1;
    return original.apply(this, args);
  };
}

const sizeOf = ({ selfSize, children }) => children.reduce((sum, child) => sum + sizeOf(child), selfSize);

process.on('SIGUSR2', () => {
  if (begun) {
    session.post('HeapProfiler.stopSampling', (error, result) => {
      if (error !== null) throw error;
      writeFileSync(file, JSON.stringify({ ...counts, allocatedBytes: sizeOf(result.profile.head) }));
    });
    return;
  }
  begun = true;
  Object.assign(counts, { syncs: 0, writes: 0 });
  const collected = { includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true };
  session.post('HeapProfiler.startSampling', { samplingInterval, ...collected });
});
