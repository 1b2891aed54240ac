import { describe, expect, it } from 'vitest';
import { type Asker, Wants } from './wants.ts';

/** An asker that needs what it is given, and writes down what happens to it. */
class FakeAsker implements Asker {
  readonly heard: string[] = [];
  needs: string[];
  isNew = false;
  readonly #wants: Wants;

  constructor(wants: Wants, ...needs: readonly string[]) {
    this.#wants = wants;
    this.needs = [...needs];
  }

  takeTurn(): void {
    if (this.needs.length === 0) this.#wants.leave(this);
    else this.#wants.need(this, this.needs);
  }

  ask(digests: readonly string[]): void {
    this.heard.push(`ask ${digests.length > 3 ? digests.length : digests.join(' ')}`);
  }

  arrived(digest: string): void {
    this.heard.push(`arrived ${digest}`);
    this.needs = this.needs.filter((one) => one !== digest);
    if (this.needs.length === 0) this.#wants.leave(this);
  }

  stalled(): void {
    this.heard.push('stalled');
  }
}

function wantsOf(slots: number) {
  const clock = { ms: 0 };
  const deferred: (() => void)[] = [];
  const held = new Set<Asker>();
  const mayBegin = (asker: Asker) => !held.has(asker);
  const wants = new Wants({ slots, monotonic: () => clock.ms, mayBegin, defer: (run) => deferred.push(run) });
  return { wants, clock, deferred, held };
}

describe('what several nodes lack', () => {
  it('is asked of one, and all hear of it', () => {
    const { wants } = wantsOf(16);
    const one = new FakeAsker(wants, 'x', 'y');
    const other = new FakeAsker(wants, 'y', 'z');
    wants.join(one);
    wants.join(other);
    wants.arrived('y');
    expect(one.heard).toEqual(['ask x y', 'arrived y']);
    expect(other.heard).toEqual(['ask z', 'arrived y']);
    expect(wants.open).toBe(2);
  });

  it('is asked of another when the first goes away', () => {
    const { wants } = wantsOf(16);
    const one = new FakeAsker(wants, 'x');
    const other = new FakeAsker(wants, 'x');
    wants.join(one);
    wants.join(other);
    wants.leave(one);
    expect(other.heard).toEqual(['ask x']);
  });

  it('and that one does not need any more, because it has something newer', () => {
    const { wants } = wantsOf(16);
    const one = new FakeAsker(wants, 'x');
    const other = new FakeAsker(wants, 'x');
    wants.join(one);
    wants.join(other);
    wants.need(one, ['z']);
    expect(one.heard).toEqual(['ask x', 'ask z']);
    expect(other.heard).toEqual(['ask x']);
  });
});

describe('turns', () => {
  it('are only so many at once; who waits is next when one is done', () => {
    const { wants } = wantsOf(1);
    const one = new FakeAsker(wants, 'x');
    const other = new FakeAsker(wants, 'z');
    wants.join(one);
    wants.join(other);
    expect([wants.turns, wants.waiting]).toEqual([1, 1]);
    wants.arrived('x');
    expect(other.heard).toEqual(['ask z']);
  });

  it('end without an answer in half a minute', () => {
    const { wants, clock } = wantsOf(1);
    const one = new FakeAsker(wants, 'x');
    const other = new FakeAsker(wants, 'x');
    wants.join(one);
    wants.join(other);
    clock.ms = 29_999;
    wants.tick();
    expect(one.heard).toEqual(['ask x']);
    clock.ms = 30_000;
    wants.tick();
    expect(one.heard).toEqual(['ask x', 'stalled']);
    expect(other.heard).toEqual(['ask x']);
  });

  it('go round after a minute, when others wait', () => {
    const { wants, clock } = wantsOf(1);
    const slow = new FakeAsker(wants, 'a', 'b', 'c');
    const other = new FakeAsker(wants, 'z');
    wants.join(slow);
    wants.join(other);
    clock.ms = 29_000;
    wants.arrived('a');
    clock.ms = 58_000;
    wants.arrived('b');
    clock.ms = 60_000;
    wants.tick();
    expect(slow.heard).toEqual(['ask a b c', 'arrived a', 'arrived b']);
    expect(other.heard).toEqual(['ask z']);
    expect([wants.has(slow), wants.waiting]).toEqual([true, 1]);
  });

  it('of thousands who lack nothing any more let others work in between', () => {
    const { wants, deferred } = wantsOf(1);
    const holder = new FakeAsker(wants, 'x');
    wants.join(holder);
    const crowd = Array.from({ length: 150 }, () => new FakeAsker(wants));
    for (const one of crowd) wants.join(one);
    wants.arrived('x');
    expect(wants.waiting).toBe(150 - 64);
    while (deferred.length > 0) deferred.shift()?.();
    expect(wants.waiting).toBe(0);
  });

  it('ask for at most 256 at a time, and go on as answers come', () => {
    const { wants } = wantsOf(1);
    const digests = Array.from({ length: 300 }, (_, index) => `d${index}`);
    const one = new FakeAsker(wants, ...digests);
    wants.join(one);
    expect(one.heard).toEqual(['ask 256']);
    for (const digest of digests.slice(0, 193)) wants.arrived(digest);
    expect(one.heard.filter((line) => line.startsWith('ask'))).toEqual(['ask 256', 'ask 44']);
  });
});

describe('nodes that may not begin', () => {
  it('stand in line while others pass them, and have their turn once they may', () => {
    const { wants, held } = wantsOf(1);
    const [a, b] = [new FakeAsker(wants, 'x'), new FakeAsker(wants, 'y')];
    held.add(a);
    wants.join(a);
    wants.join(b);
    expect([wants.isHeld(a), wants.isHeld(b), a.heard, b.heard]).toEqual([true, false, [], ['ask y']]);
    wants.arrived('y');
    wants.tick();
    expect(a.heard).toEqual([]);
    held.delete(a);
    wants.tick();
    expect([wants.isHeld(a), a.heard]).toEqual([false, ['ask x']]);
  });
});
