import type { ComponentType } from 'preact';
import { AlertsPage } from './pages/alerts.tsx';
import { EventsPage } from './pages/events.tsx';
import { ExplainPage } from './pages/explain/explain.tsx';
import { IntakePage } from './pages/intake/intake.tsx';
import { JournalingPage } from './pages/journaling.tsx';
import { LedgerPage } from './pages/ledger.tsx';
import { LivePage } from './pages/live/live-page.tsx';
import { MessagesPage } from './pages/messages/messages.tsx';
import { StorePage } from './pages/store.tsx';
import type { Permission } from './wire.types.ts';

/** One part of the console. `page` makes out itself what is below its address. */
export interface ConsolePart {
  readonly word: string;
  readonly path: string;
  /** Who may not do this is not shown the word, and is told so at the address. */
  readonly needs: Permission;
  readonly page: ComponentType;
  /** Not among the words at the top: another page leads to it. */
  readonly behind?: true;
}

/** In the order of the day: does it run, what comes in, what is there, what happened, does it add up, will it last. */
export const consoleParts: readonly ConsolePart[] = [
  { word: 'Journaling', path: '/journaling', needs: 'read-status', page: JournalingPage },
  { word: 'Live', path: '/live', needs: 'read-status', page: LivePage },
  { word: 'Messages', path: '/messages', needs: 'read-messages', page: MessagesPage },
  { word: 'Intake', path: '/intake', needs: 'read-intake', page: IntakePage },
  { word: 'Events', path: '/events', needs: 'read-events', page: EventsPage },
  { word: 'Ledger', path: '/ledger', needs: 'read-ledger', page: LedgerPage },
  { word: 'Store', path: '/store', needs: 'read-status', page: StorePage },
  { word: 'Alerts', path: '/alerts', needs: 'read-status', page: AlertsPage, behind: true },
  { word: 'Explain', path: '/explain', needs: 'explain', page: ExplainPage, behind: true },
];
