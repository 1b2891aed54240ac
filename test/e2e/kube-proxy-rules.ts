/**
 * A recorded node's rules, as text of iptables-save, changed in the way in which kube-proxy or a hand would.
 *
 *     -A KUBE-SVC-E3PX... -m comment --comment "shop/web -> 10.244.1.2:8080" -m statistic ... -j KUBE-SEP-QIUC...
 *     -A KUBE-SEP-QIUC... -p tcp -m comment --comment "shop/web" -m tcp -j DNAT --to-destination 10.244.1.2:8080
 */

/** One endpoint of a Service port, as the rules have it. */
export interface RuledEndpoint {
  /** `KUBE-SEP-...` */
  readonly chain: string;
  readonly address: string;
  /** The rule that sends packets there, `-A KUBE-SEP-...`. */
  readonly rule: string;
}

/**
 * The endpoints of a Service port in the order in which the rules try them.
 * @param port as rules name it: `shop/web`, `shop/api:grpc`.
 * @throws when there is none.
 */
export function endpointsOf(rules: string, port: string): readonly RuledEndpoint[] {
  const lines = rules.split('\n');
  const targets = lines.filter((line) => line.startsWith('-A KUBE-SEP-') && line.includes(` "${port}" `));
  const endpoints = lines.flatMap((line) => {
    if (!line.startsWith('-A KUBE-SVC-') || !line.includes(`--comment "${port} -> `)) return [];
    const chain = line.slice(line.lastIndexOf(' ') + 1);
    const rule = targets.find((target) => target.startsWith(`-A ${chain} `) && target.includes(' -j DNAT '));
    const address = rule?.match(/--to-destination ([\d.]+):/)?.[1];
    return rule === undefined || address === undefined ? [] : [{ chain, address, rule }];
  });
  if (endpoints.length === 0) throw new Error(`the rules have no endpoint of ${port}`);
  return endpoints;
}

/**
 * The rules without a Service port's first endpoint, as kube-proxy writes them when it is gone. The first, because the
 * shares of those behind it then stay right.
 */
export function withoutFirstEndpoint(rules: string, port: string): string {
  const [first] = endpointsOf(rules, port);
  const chain = first?.chain ?? '';
  const isOfChain = (line: string) => line.startsWith(`:${chain} `) || line.startsWith(`-A ${chain} `);
  return rules
    .split('\n')
    .filter((line) => !isOfChain(line) && !line.endsWith(` -j ${chain}`))
    .join('\n');
}

/** The rules without the translation to a Service port's first endpoint: a hand deleted it. */
export function withoutFirstTarget(rules: string, port: string): string {
  const [first] = endpointsOf(rules, port);
  return rules
    .split('\n')
    .filter((line) => line !== first?.rule)
    .join('\n');
}

/** Every Service port whose endpoints the rules lead to, sorted: `shop/web`, `shop/api:grpc`. */
export function portsOf(rules: string): readonly string[] {
  const named = [...rules.matchAll(/^-A KUBE-SVC-\S+ .*--comment "(\S+) -> [\d.]+:\d+"/gm)].map(
    ([, port = '']) => port,
  );
  return [...new Set(named)].sort();
}
