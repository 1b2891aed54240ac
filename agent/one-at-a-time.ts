/** A host whose programs wait for each other: the node has other work to do, and each may take much memory. */
import type { Host } from './host.ts';

/**
 * Programs run one after the other, in the order in which they were asked for.
 * @param signal ends the one that runs and those that wait.
 */
export function oneAtATime(host: Host, signal: AbortSignal): Host {
  let last: Promise<unknown> = Promise.resolve();
  return {
    ...host,
    run(command, onOutput) {
      const result = last.then(() => host.run({ ...command, signal }, onOutput));
      last = result.catch(() => undefined);
      return result;
    },
  };
}
