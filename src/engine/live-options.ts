import type { MatchingOptions } from '../../streams/message.ts';
import type { EngineOptions } from '../config/to-options.ts';

/** The options in force: those of the start, and of each configuration that was applied since. */
export interface LiveOptions {
  readonly current: EngineOptions;
  replace(options: EngineOptions): void;
}

export function liveOptions(options: EngineOptions): LiveOptions {
  let current = options;
  return {
    get current() {
      return current;
    },
    replace: (changed) => {
      current = changed;
    },
  };
}

/** The options of matching as they are at each look: lines hold them for as long as they run. */
export function liveMatching(live: LiveOptions): MatchingOptions {
  return {
    get extendedWaitMs() {
      return live.current.matching.extendedWaitMs;
    },
    get maxAgeMs() {
      return live.current.matching.maxAgeMs;
    },
    get expiredAction() {
      return live.current.matching.expiredAction;
    },
    get expiryClock() {
      return live.current.matching.expiryClock;
    },
    get matchOnContent() {
      return live.current.matching.matchOnContent;
    },
    get continuityEvent() {
      return live.current.matching.continuityEvent;
    },
  };
}
