import { describe, expect, it } from 'vitest';
import { eventReader } from './event-stream.ts';

describe('a stream of events', () => {
  const text = 'retry: 3000\nevent: snapshot\ndata: {}\n\n: still here\n\nevent: node\ndata: {"name":\ndata: "a"}\n\n';
  const told = [
    { name: 'snapshot', data: '{}' },
    { name: 'node', data: '{"name":\n"a"}' },
  ];

  it('is read into events; signs of life are none', () => {
    expect(eventReader()(text)).toEqual(told);
  });

  it('is the same wherever it is cut', () => {
    for (let cut = 0; cut <= text.length; cut++) {
      const read = eventReader();
      expect([...read(text.slice(0, cut)), ...read(text.slice(cut))]).toEqual(told);
    }
  });

  it('holds back an event that is not whole', () => {
    expect(eventReader()('event: node\ndata: {}\n')).toEqual([]);
  });
});
