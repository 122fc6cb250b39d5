import { answerJobs } from '../job-worker.ts';
import { hashContent } from './content-hash.ts';
import type { Answer, Job } from './job.types.ts';
import { wordsIn } from './message-words.ts';
import { showMessage } from './show.ts';

/** The thread in which mailparser runs: one job at a time, asked by `content-hasher.ts`, which also stops it. */
answerJobs(async ({ kind, bytes }: Job): Promise<Answer> => {
  if (kind === 'hash') return { kind, hash: await hashContent(bytes) };
  if (kind === 'words') return { kind, found: await wordsIn(bytes) };
  return { kind, shown: await showMessage(bytes) };
});
