import { Session } from 'node:inspector';

/** Which blocks of some sources ran, by the engine's own profiler, so that nothing has to be installed. */
export interface Coverage {
  /** True when a block ran since the last question that never ran before, or far more often than before. */
  grew(): boolean;
  close(): void;
}

/** `sources`: parts of the path of those that count. Calls on a session of this thread answer at once. */
export function openCoverage(sources: readonly string[]): Coverage {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  const seen = new Set<string>();
  return {
    grew: () => {
      const before = seen.size;
      session.post('Profiler.takePreciseCoverage', (error, answer) => {
        if (error !== null) throw error;
        for (const { url, functions } of answer.result) {
          if (!sources.some((source) => url.includes(source))) continue;
          for (const { startOffset, endOffset, count } of functions.flatMap(({ ranges }) => ranges)) {
            // How often, roughly: a loop run a hundred times is another state than one run once.
            const often = Math.min(2, Math.floor(Math.log10(count)));
            if (count > 0) seen.add(`${url} ${startOffset} ${endOffset} ${often}`);
          }
        }
      });
      return seen.size > before;
    },
    close: () => session.disconnect(),
  };
}
