/**
 * Sends one probe and waits for what comes back.
 *
 * A large one must not be cut on its way. Linux sets "don't fragment" on UDP packets that fit the route's MTU
 * (IP_PMTUDISC_WANT, the default, see ip(7)); test/kernel/probes.test.ts counts that it does. Once a router has said that
 * its next link takes less, the kernel cuts such packets itself for ten minutes (seen: "ip route get" shows `mtu 1300`
 * then, and packets without the flag leave). A connected socket hears the router's word as EMSGSIZE, so the first probe of
 * that time fails by that name, and the following are answered. This hides no fault: where routers say so, connections
 * learn it too. What hurts is a network that loses large packets and says nothing, and then nothing is learnt.
 *
 * IPv6 is never cut on its way (RFC 8200, 4.5).
 */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { familyOf } from '../../proto/address.ts';
import type { Clock } from '../clock.ts';
import type { Probe, ProbeOutcome } from './probe.ts';
import { isAnswer, nonceBytes, questionOf } from './packet.ts';

/** Sends one and says what came of it, within a second. Never rejects. */
export type SendProbe = (probe: Probe, clock: Pick<Clock, 'monotonicMs'>) => Promise<ProbeOutcome>;

const waitMs = 1_000;

/** Through a socket of its own: a new port each time, so that no state of an earlier packet decides. */
export const sendProbe: SendProbe = (probe, clock) =>
  probe.target.protocol === 'tcp' ? connectOnce(probe, clock) : askOnce(probe, clock);

/** One question; what is no answer to it is waited past. */
function askOnce({ target, payloadBytes }: Probe, clock: Pick<Clock, 'monotonicMs'>): Promise<ProbeOutcome> {
  const { address, port } = target;
  const asked = questionOf(randomBytes(nonceBytes), payloadBytes);
  const startMs = clock.monotonicMs();
  const type = familyOf(address) === 'ipv6' ? 'udp6' : 'udp4';
  return new Promise((resolve) => {
    const socket = createSocket(type);
    let isOver = false;
    const end = (outcome: ProbeOutcome): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(timer);
      socket.close();
      resolve(outcome);
    };
    const failed = (cause: unknown): void => end({ kind: 'failed', error: codeOf(cause) });
    const timer = setTimeout(() => end({ kind: 'silent' }), waitMs);
    socket.on('error', failed);
    socket.on('message', (bytes) => {
      if (isAnswer(bytes, asked)) end({ kind: 'answered', milliseconds: clock.monotonicMs() - startMs });
    });
    // A connected socket hears what routers and the peer say in place of an answer: ECONNREFUSED, EMSGSIZE.
    socket.connect(port, address, (cause?: unknown) => {
      if (cause) failed(cause);
      else if (!isOver) socket.send(asked, (problem) => problem && failed(problem));
    });
  });
}

/** One connection, closed as soon as it is there. */
function connectOnce({ target }: Probe, clock: Pick<Clock, 'monotonicMs'>): Promise<ProbeOutcome> {
  const startMs = clock.monotonicMs();
  return new Promise((resolve) => {
    const socket = connect({ host: target.address, port: target.port, autoSelectFamily: false });
    const end = (outcome: ProbeOutcome): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(outcome);
    };
    const timer = setTimeout(() => end({ kind: 'silent' }), waitMs);
    socket.on('error', (cause) => end({ kind: 'failed', error: codeOf(cause) }));
    socket.on('connect', () => end({ kind: 'answered', milliseconds: clock.monotonicMs() - startMs }));
  });
}

/** `EHOSTUNREACH`; what has no such name is a fault of this program, and is told by its own. */
function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code).slice(0, 64) : String(cause).slice(0, 64);
}
