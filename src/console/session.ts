import { effect, signal } from '@preact/signals';
import { call, type Fault, read, refused } from './api.ts';
import type { Permission, Who } from './wire.types.ts';

/** Who one is; null until the engine has said so. */
export const who = signal<Who | null>(null);
/** Why one has to sign in again; null at the first time. */
export const ended = signal<string | null>(null);

export const signedIn = (): boolean => who.value !== null && who.value.role !== null;
export const may = (permission: Permission): boolean => who.value?.may.includes(permission) ?? false;

/** Asks the engine who one is. @throws Fault */
export async function readWho(): Promise<void> {
  const before = who.value;
  const now = await read<Who>('/v1/session');
  if (before?.role != null && now.role === null) ended.value = 'Your session has ended. Sign in again to go on.';
  who.value = now;
}

/** @throws Fault for a wrong token, or too many of them. */
export async function signIn(token: string): Promise<void> {
  const { body } = await call<Who>('/v1/session', { method: 'POST', body: { token } });
  ended.value = null;
  who.value = body;
}

export async function signOut(): Promise<void> {
  await call('/v1/session', { method: 'DELETE' });
  ended.value = 'You have signed out.';
  who.value = null;
  await readWho();
}

/** A call that was refused for want of a session: the engine is asked who one is, which shows the form where nobody. */
export function followRefusals(): void {
  effect(() => {
    if (refused.value > 0) readWho().catch((_: Fault) => undefined);
  });
}
