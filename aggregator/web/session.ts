/** Who reads this page, where the aggregator asks for it. */
import { signal } from '@preact/signals';
import type { WhoamiJson } from '../http/schemas/whoami.ts';
import { get, isLoginNeeded, post } from './api.ts';
import { forget } from './state/memory.ts';

/** Null until the aggregator has said it. */
export const reader = signal<Pick<WhoamiJson, 'mode' | 'username' | 'until'> | null>(null);

/** Asks who the aggregator takes this browser for. */
export async function findReader(): Promise<void> {
  const answer = await get<WhoamiJson>('/api/v1/whoami');
  if (answer.ok) reader.value = answer.value;
}

/** @returns why not; null when it worked. */
export async function logIn(token: string): Promise<string | null> {
  const answer = await post('/login', { token });
  if (!answer.ok) return answer.detail;
  // Another one may have read here before, whose views have remembered what they showed.
  forget();
  isLoginNeeded.value = false;
  void findReader();
  return null;
}

/** Ends the session, and shows nothing any more of what was read in it. */
export async function logOut(): Promise<void> {
  await post('/logout', {});
  forget();
  reader.value = null;
  isLoginNeeded.value = true;
}
