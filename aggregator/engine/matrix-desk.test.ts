import { describe, expect, it } from 'vitest';
import { policy, world } from '../../test/policy-world.ts';
import { wholeMatrix } from '../audit/matrix/matrix.ts';
import type { MatrixPair, MatrixQuestion } from '../model/matrix.ts';
import { MatrixDesk } from './matrix-desk.ts';

const everything: MatrixQuestion = { namespace: null, from: null, to: null, show: 'all' };
const shut = policy('shop/shut', { podSelector: {}, policyTypes: ['Ingress'] });

/** A desk whose clock moves 10 ms with each look, so that turns end soon. */
function desk(observed: readonly MatrixPair[] = []) {
  let time = 0;
  let looks = 0;
  let turns = 0;
  const made = new MatrixDesk({
    objects: world([shut]),
    now: () => (time += 10),
    later: (_, run) => {
      turns++;
      queueMicrotask(run);
    },
    observed: () => {
      looks++;
      return observed;
    },
  });
  return { made, looks: () => looks, turns: () => turns, pass: (ms: number) => (time += ms) };
}

describe('the desk of the matrix', () => {
  it('comes to the same as a bundle does, with turns for everybody else', async () => {
    const { made, turns } = desk();
    expect(await made.matrix(everything)).toEqual(wholeMatrix(world([shut]), everything));
    expect(turns()).toBeGreaterThan(3);
  });

  it('keeps an answer for a while, and asks anew after it', async () => {
    const { made, looks, pass } = desk();
    const [one, other] = await Promise.all([made.matrix(everything), made.matrix({ ...everything })]);
    expect(other).toBe(one);
    expect(looks()).toBe(1);
    pass(60_000);
    expect(await made.matrix(everything)).toEqual(one);
    expect(looks()).toBe(2);
  });

  it('is busy where eight others wait, and not any more when they were answered', async () => {
    const { made } = desk();
    const asked = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((to) => made.matrix({ ...everything, to }));
    expect(await made.matrix(everything)).toBe('busy');
    expect(await made.grid(null)).toBe('busy');
    for (const answer of await Promise.all(asked)) expect(answer).toMatchObject({ pairs: [] });
    expect(await made.matrix(everything)).not.toBe('busy');
  });

  it('draws a letter for each pair, and a row for a node whose probe differs', async () => {
    const pair: MatrixPair = {
      ...{ from: 'node/node-a', to: 'svc/shop/db', protocol: 'tcp', ports: [5432], allowed: true, decidedBy: [] },
      observed: {
        ...{ result: 'not-reached', probes: 3, answered: 0, nodes: ['node-a'] },
        ...{ differs: true, explainedBy: null },
      },
    };
    const { made } = desk([pair]);
    const grid = await made.grid('shop');
    if (grid === 'busy') throw new Error('nobody else asks');
    const letter = (from: string, to: string) => grid.cells[grid.rows.indexOf(from)]?.[grid.columns.indexOf(to)];
    expect(letter('node/node-a', 'svc/shop/db')).toBe('!');
    expect(letter('pod/test/web', 'svc/shop/db')).toBe('x');
    expect(letter('pod/shop/db', 'svc/kube-system/kube-dns')).toBe('.');
    expect(letter('pod/shop/db', 'pod/shop/db')).toBe('-');
    expect(grid.cells.every((cells) => cells.length === grid.columns.length)).toBe(true);
  });
});
