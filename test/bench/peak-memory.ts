import { readFileSync } from 'node:fs';

/** The most memory that this program has held. It alone: getrusage() also counts who started it, up to exec. */
export function peakResidentMiB(): number {
  const line = readFileSync('/proc/self/status', 'utf8')
    .split('\n')
    .find((field) => field.startsWith('VmHWM:'));
  return Number.parseInt(line?.slice('VmHWM:'.length) ?? '', 10) / 1024;
}
