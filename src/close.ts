/** Closes what was opened, last in first out; every one is tried, and the errors are gathered (Node 20 has no stack type). */
export interface Closing extends AsyncDisposable {
  /** Closes `resource` later, before all that was added earlier. */
  use<T extends AsyncDisposable>(resource: T): T;
  defer(close: () => PromiseLike<void> | void): void;
}

export function closing(): Closing {
  const closers: (() => PromiseLike<void> | void)[] = [];
  return {
    use: (resource) => {
      closers.push(() => resource[Symbol.asyncDispose]());
      return resource;
    },
    defer: (close) => void closers.push(close),
    [Symbol.asyncDispose]: async () => {
      const errors: unknown[] = [];
      for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
        try {
          await close();
        } catch (error) {
          errors.push(error);
        }
      }
      if (errors.length > 0) throw new AggregateError(errors, 'not everything could be closed');
    },
  };
}

/** Idempotent close. */
export function once(close: () => PromiseLike<void>): () => Promise<void> {
  let closed: Promise<void> | undefined;
  return () => {
    closed ??= Promise.resolve(close());
    return closed;
  };
}
