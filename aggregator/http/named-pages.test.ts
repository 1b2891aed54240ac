import { describe, expect, it } from 'vitest';
import { sortedPage } from './named-pages.ts';

const names = ['a', 'b', 'c', 'd', 'e'];
const page = (cursor: string | undefined, limit = 2) => sortedPage(names, (name) => name, { cursor, limit });

describe('a page of what is sorted', () => {
  it('goes on where the page before ended, until nothing is left', () => {
    const first = page(undefined);
    const second = page(first?.next ?? undefined);
    const third = page(second?.next ?? undefined);
    expect([first?.items, second?.items, third?.items]).toEqual([['a', 'b'], ['c', 'd'], ['e']]);
    expect(third?.next).toBeNull();
    expect(page(undefined, 5)?.next).toBeNull();
  });

  it('goes on behind a thing that is gone meanwhile', () => {
    const cursor = page(undefined)?.next ?? undefined;
    const later = sortedPage(['a', 'c', 'd'], (name) => name, { cursor, limit: 2 });
    expect(later?.items).toEqual(['c', 'd']);
  });

  it('is none with a cursor of something else', () => {
    expect(page('none of ours')).toBeNull();
  });
});
