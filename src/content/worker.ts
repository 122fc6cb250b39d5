import { parentPort } from 'node:worker_threads';
import { hashContent } from './content-hash.ts';
import type { Answer, Job } from './job.types.ts';
import { showMessage } from './show.ts';

/** The thread in which mailparser runs: one job at a time, asked by `content-hasher.ts`, which also stops it. */
const port = parentPort;
if (port === null) throw new Error('the content worker runs as a worker thread only');
const say = (answer: Answer): void => port.postMessage(answer);

port.on('message', (job: Job) => {
  answerTo(job).then(say, (error: unknown) => say({ kind: 'failed', detail: String(error) }));
});
say({ kind: 'ready' });

async function answerTo({ kind, bytes }: Job): Promise<Answer> {
  if (kind === 'hash') return { kind, hash: await hashContent(bytes) };
  return { kind, shown: await showMessage(bytes) };
}
