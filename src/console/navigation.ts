import type { ComponentType } from 'preact';
import { Elsewhere } from './pages/elsewhere.tsx';
import { JournalingPage } from './pages/journaling.tsx';
import { LivePage } from './pages/live/live-page.tsx';
import type { Permission } from './wire.types.ts';

/** One part of the console. `page` makes out itself what is below its address. */
export interface ConsolePart {
  readonly word: string;
  readonly path: string;
  /** Who may not do this is not shown the word, and is told so at the address. */
  readonly needs: Permission;
  readonly page: ComponentType;
}

/** In the order of the day: does it run, what comes in, what is there, what happened, does it add up, will it last. */
export const consoleParts: readonly ConsolePart[] = [
  { word: 'Journaling', path: '/journaling', needs: 'read-status', page: JournalingPage },
  { word: 'Live', path: '/live', needs: 'read-status', page: LivePage },
  { word: 'Messages', path: '/messages', needs: 'read-messages', page: Elsewhere },
  { word: 'Intake', path: '/intake', needs: 'read-intake', page: Elsewhere },
  { word: 'Events', path: '/events', needs: 'read-events', page: Elsewhere },
  { word: 'Ledger', path: '/ledger', needs: 'read-ledger', page: Elsewhere },
  { word: 'Store', path: '/store', needs: 'read-status', page: Elsewhere },
];
