import { render } from 'preact';
import { tick } from './clock.ts';
import { followFocus } from './focus.ts';
import { followKeys } from './keys.ts';
import { followLinks } from './router.ts';
import { followRefusals, readWho } from './session.ts';
import { Shell } from './shell.tsx';
import { followEngine } from './stream.ts';
import './style/base.css';
import './style/parts.css';
import './style/form.css';
import './style/archive.css';
import './style/live.css';

/** The engine may be starting: asked again until it says who one is. */
const againAfterMs = 2_000;

function findOut(): void {
  readWho().catch(() => setTimeout(findOut, againAfterMs));
}

const root = document.getElementById('console');
if (root === null) throw new Error('the page has no place for the console');
followLinks();
followKeys();
followFocus();
tick();
followRefusals();
followEngine();
findOut();
render(<Shell />, root);
