import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type StatusObject, status } from '@grpc/grpc-js';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Channels, connects } from './channels.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plumbline-channels-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

it('a stream whose other end is gone without a word ends when it does not answer', async () => {
  const path = join(folder, 'mute.sock');
  // It begins HTTP/2 with no settings, and never says anything again.
  const mute = createServer((socket) => {
    socket.on('error', () => {});
    socket.resume();
    socket.write(Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]));
  });
  await new Promise<void>((resolve) => mute.listen(path, resolve));
  const channels = new Channels({ tokenFile: null, caFile: null, serverName: null }, { timeMs: 50, timeoutMs: 50 });
  const channel = channels.to(`unix:${path}`);
  if (!channel.ok) throw new Error(channel.reason);
  expect(await connects(channel.value, 5_000, new AbortController().signal)).toBe('ready');
  const call = channel.value.report();
  call.on('error', () => {});
  call.on('data', () => {});
  const ended = await new Promise<StatusObject>((resolve) => call.on('status', resolve));
  expect(ended.code).toBe(status.UNAVAILABLE);
  channels.close();
  mute.close();
});
