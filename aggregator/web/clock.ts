/** Now, by the aggregator's clock; what is shown with an age is shown anew as it passes. */
import { computed, signal } from '@preact/signals';
import { clockAhead } from './api.ts';

const tickMs = 5_000;
const own = signal(Date.now());

/** Unix milliseconds. */
export const now = computed(() => own.value + clockAhead.value);

export function startClock(): void {
  setInterval(() => {
    own.value = Date.now();
  }, tickMs);
}
