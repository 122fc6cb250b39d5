import { useEffect } from 'preact/hooks';
import { guardLeaving } from '../../router.ts';

/** Asks before changes are left behind. */
export function useUnsavedGuard(isDirty: () => boolean): void {
  const dirty = isDirty();
  useEffect(() => {
    guardLeaving(dirty ? () => confirm('Leave without saving what you have changed?') : undefined);
    return () => guardLeaving(undefined);
  }, [dirty]);
}
