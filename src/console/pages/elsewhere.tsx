import { PageFrame } from '../parts/page-frame.tsx';
import { path } from '../router.ts';

/** An address that is none of the console's. */
export function Elsewhere() {
  return (
    <PageFrame title="There is no such page">
      <p>
        Nothing is at <code>{path}</code>. <a href="/journaling">Services | Journaling</a> has all definitions.
      </p>
    </PageFrame>
  );
}
