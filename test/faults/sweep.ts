/**
 * Fails, or ends the process at, each call that changes the disk in one full ingest by SMTP and POP3, one after another:
 * `npx tsx test/faults/sweep.ts [--errors SIGKILL,EIO,ENOSPC,EMFILE,EROFS] [--calls sync,write,…] [--once true|false] [--most 400]`.
 * Prints a line for each, and ends with 1 at the first message that was lost, doubled, changed, or answered 250 falsely.
 */
import { parseArgs } from 'node:util';
import { type DiskCall, type DiskFault, diskCalls, type errors } from '../support/faulty-disk.ts';
import { oneIngest } from '../support/one-ingest.ts';

const { values } = parseArgs({
  options: {
    errors: { type: 'string', default: 'SIGKILL' },
    calls: { type: 'string', default: diskCalls.join(',') },
    /** One call fails; else all from there on, until the fault is taken away. */
    once: { type: 'string', default: 'true' },
    /** A bound for each kind of call. */
    most: { type: 'string', default: '400' },
    /** Each so many-th call only. */
    step: { type: 'string', default: '1' },
  },
});
let runs = 0;
for (const error of values.errors.split(',') as (keyof typeof errors)[]) {
  for (const call of values.calls.split(',') as DiskCall[]) {
    let slowestMs = 0;
    for (let from = 1; from <= Number(values.most); from += Number(values.step)) {
      const fault: DiskFault = { call, error, from, ...(values.once === 'true' ? { count: 1 } : {}) };
      try {
        const { met, backMs } = await oneIngest(fault);
        runs += 1;
        slowestMs = Math.max(slowestMs, backMs ?? 0);
        console.log(JSON.stringify({ ...fault, met, backMs: backMs === null ? 'restarted' : Math.round(backMs) }));
        if (!met) break;
      } catch (failure) {
        console.error(JSON.stringify(fault), failure);
        process.exit(1);
      }
    }
    console.log(`${call} ${error}: back after ${Math.round(slowestMs)} ms at most`);
  }
}
console.log(`${runs} runs: nothing lost, doubled or changed`);
