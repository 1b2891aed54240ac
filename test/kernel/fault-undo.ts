/** What takes a fault of a lab back. */
import { ipIn } from './lab-switch.ts';
import { mustRunIn, runIn } from './namespaces.ts';

/** Makes it as it was before the fault. */
export type Undo = () => void;

/** Runs commands of ip(8) now, and others to undo them. */
export function changeIn(namespace: string, commands: readonly string[], back: readonly string[]): Undo {
  ipIn(namespace, commands);
  return () => ipIn(namespace, back);
}

/**
 * Runs commands of ip(8) that take routes along, as when a link goes down.
 * @param back commands that undo these; the routes come back after them.
 */
export function changeWithRoutes(namespace: string, commands: readonly string[], back: readonly string[]): Undo {
  const before = routesOf(namespace);
  ipIn(namespace, commands);
  return () => {
    ipIn(namespace, back);
    const there = new Set(routesOf(namespace));
    const lost = before.filter((route) => !there.has(route));
    // What others go by comes first.
    const ordered = lost.toSorted((a, b) => Number(a.includes(' via ')) - Number(b.includes(' via ')));
    ipIn(
      namespace,
      ordered.map((route) => `route replace ${route}`),
    );
  };
}

/** IPv4's of the main table, as ip(8) takes them again. */
function routesOf(namespace: string): readonly string[] {
  const lines = mustRunIn(namespace, 'ip', ['-4', 'route', 'show']).split('\n');
  return lines.map((line) => line.replace(/ (linkdown|dead)\b/g, '').trim()).filter((line) => line !== '');
}

/** Writes a setting of the kernel, `net.ipv4.ip_forward`. */
export function setIn(namespace: string, setting: string, value: number): Undo {
  const before = mustRunIn(namespace, 'sysctl', ['-n', setting]).trim();
  mustRunIn(namespace, 'sysctl', ['-qw', `${setting}=${value}`]);
  return () => {
    // The link that it belonged to may be gone meanwhile.
    runIn(namespace, 'sysctl', ['-qw', `${setting}=${before}`]);
  };
}
