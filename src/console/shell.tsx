import { useEffect, useRef } from 'preact/hooks';
import { withQuery } from './api.ts';
import { focusHeading } from './focus.ts';
import { consoleParts } from './navigation.ts';
import { Elsewhere } from './pages/elsewhere.tsx';
import { SignIn } from './pages/sign-in.tsx';
import { Advice } from './parts/foreign.tsx';
import { PageFrame } from './parts/page-frame.tsx';
import { Waiting } from './parts/states.tsx';
import { go, parts, path } from './router.ts';
import { may, signedIn, signOut, who } from './session.ts';
import { engine, openAlerts, stale } from './stream.ts';
import { counted } from './words.ts';

/** What stands around every page. */
export function Shell() {
  useFocusOnArrival();
  return (
    <>
      <a class="skip" href="#main">
        Skip to the page
      </a>
      <header class="top">
        <a class="brand" href="/journaling">
          Daybook
        </a>
        {signedIn() && <Navigation />}
        {signedIn() && <Account />}
      </header>
      {stale.value && (
        <p class="stale" role="alert">
          The connection to the engine is lost. What is shown may be old; it goes on by itself when the engine answers.
        </p>
      )}
      {signedIn() && <Warnings />}
      <main id="main" tabIndex={-1} class={stale.value ? 'old' : undefined}>
        <CurrentPage />
      </main>
    </>
  );
}

function CurrentPage() {
  if (who.value === null) return <Waiting />;
  if (!signedIn()) return <SignIn />;
  const [first = 'journaling'] = parts.value;
  const part = consoleParts.find((each) => each.path === `/${first}`);
  if (part === undefined) return <Elsewhere />;
  const { page: Page, needs, word } = part;
  return may(needs) ? <Page key={word} /> : <Closed word={word} />;
}

/** A page that the role has no use of. */
function Closed({ word }: { readonly word: string }) {
  return (
    <PageFrame title={word}>
      <p>
        The role <strong>{who.value?.role}</strong> does not allow this page.
      </p>
    </PageFrame>
  );
}

function Navigation() {
  const [first = 'journaling'] = parts.value;
  return (
    <nav aria-label="Console">
      <ul>
        {consoleParts
          .filter(({ needs, behind }) => may(needs) && behind !== true)
          .map(({ word, path: to }) => (
            <li key={word}>
              <a href={to} aria-current={to === `/${first}` ? 'page' : undefined}>
                {word}
              </a>
            </li>
          ))}
      </ul>
    </nav>
  );
}

function Account() {
  const { name, role, open } = who.value ?? {};
  return (
    <div class="account">
      {may('read-messages') && <QuickSearch />}
      {open === true ? (
        <span title="No tokens are configured: everybody on this machine may do everything.">no tokens</span>
      ) : (
        <>
          <span title={`Signed in as ${name}`}>
            {name} <span class="role">{role}</span>
          </span>
          <button type="button" onClick={() => void signOut().catch(() => undefined)}>
            Sign out
          </button>
        </>
      )}
    </div>
  );
}

/** Finds messages from anywhere: an address, a Message-ID in its brackets, or words of the subject. */
function QuickSearch() {
  const field = useRef<HTMLInputElement>(null);
  const find = (event: Event): void => {
    event.preventDefault();
    const text = field.current?.value.trim() ?? '';
    if (text === '') return;
    const by = /^<.+>$/.test(text) ? 'messageId' : /^\S+@\S+$/.test(text) ? 'mailbox' : 'subject';
    go(withQuery('/messages', { [by]: text }));
  };
  return (
    <search>
      <form onSubmit={find}>
        <input
          ref={field}
          type="search"
          data-search
          aria-label="Find messages"
          placeholder="Find messages ( / )"
          title="An address, a <Message-ID>, or words of the subject"
        />
      </form>
    </search>
  );
}

/** What the engine warns of as a whole, and what nobody has acknowledged yet. */
function Warnings() {
  const warnings = engine.value?.warnings ?? [];
  const { length } = openAlerts.value;
  if (warnings.length + length === 0) return null;
  return (
    <aside class="warnings" aria-label="Warnings of the engine">
      <ul>
        {length > 0 && (
          <li>
            <a href="/alerts">{counted(length, 'open alert')}</a>
          </li>
        )}
        {warnings.map(({ code, text }) => (
          <li key={code + text}>
            <Advice text={text} />
          </li>
        ))}
      </ul>
    </aside>
  );
}

/**
 * The heading of a page takes the focus when one comes to it by a link. What is on the new page as well keeps it, such as
 * the choice of a definition: arrows go on from there.
 */
function useFocusOnArrival(): void {
  const at = useRef('');
  const [here, isKnown] = [path.value, who.value !== null];
  useEffect(() => {
    // Nothing is shown before the engine has said who one is.
    if (!isKnown) return;
    const isFirst = at.current === '';
    at.current = here;
    if (!isFirst && document.activeElement?.matches('main *') !== true) focusHeading();
  }, [here, isKnown]);
}
