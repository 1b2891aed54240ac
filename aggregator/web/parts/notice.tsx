/** What is said in place of what cannot be shown. */
import type { ComponentChildren } from 'preact';

/** Nothing to show, and why. */
export function Empty({ children }: { readonly children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

/** What could not be read. */
export function Failure({ detail }: { readonly detail: string }) {
  return (
    <p class="failure" role="alert">
      {detail}
    </p>
  );
}

export function Loading({ what }: { readonly what: string }) {
  return (
    <p class="loading" role="status">
      Reading {what} …
    </p>
  );
}
