/** Runs tasks one after another, in the order of the calls. Its callers bound how many wait. */
export type Exclusive = <T>(task: () => Promise<T>) => Promise<T>;

export function exclusive(): Exclusive {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const run = last.then(task, task);
    last = run.catch(() => undefined);
    return run;
  };
}
