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

/** As `exclusive`, of each key apart; a key is forgotten once nothing runs or waits under it. */
export type ExclusiveByKey = <T>(key: string, task: () => Promise<T>) => Promise<T>;

export function exclusiveByKey(): ExclusiveByKey {
  const last = new Map<string, Promise<unknown>>();
  return async (key, task) => {
    const run = (last.get(key) ?? Promise.resolve()).then(task);
    const quiet = run.catch(() => undefined);
    last.set(key, quiet);
    try {
      return await run;
    } finally {
      if (last.get(key) === quiet) last.delete(key);
    }
  };
}
