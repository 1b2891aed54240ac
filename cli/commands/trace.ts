/**
 * `plumbline trace FROM TO`: which layer broke first between two ends.
 * `plumbline trace --rules FILE --from IP --to IP:PORT/PROTO`: the way of one packet through a dump.
 */
import { type Command, Option } from 'commander';
import { tracePacket } from '../../agent/dataplane/packet-path.ts';
import { type Address, familyOf, parseAddress, parseHostPort } from '../../proto/address.ts';
import type { Protocol } from '../../proto/forwarding.ts';
import { addServerOptions } from '../api/server-option.ts';
import { type Context, refuse } from '../context.ts';
import { type PairOptions, tracePair } from '../diagnose/trace-pair.ts';
import { outputOption, structuredText } from '../output.ts';
import { paints } from '../paints.ts';
import { readRuleset } from '../read-ruleset.ts';
import { done, type Outcome, refused } from '../refusal.ts';

const examples = `
With FROM and TO: which layer broke first between two ends, from the pod's interface
(L1) to the policies (L5), in both directions, by what the nodes really have. FROM is
pod/NAMESPACE/NAME, node/NAME or an IP; TO is one of these, svc/NAMESPACE/NAME[:PORT],
IP:PORT or a DNS name[:PORT], as FROM would write it. The aggregator answers, or a
bundle does with --bundle.

With --rules: walks a dump as the kernel walks it, for the first packet of a
connection, and prints each rule that took it, where it may go and whether its source
address is rewritten. A source that is one of the --node-ip addresses starts on the
node itself, any other is forwarded by it; node ports are known by --node-ip too.
Interfaces are not known: a rule with -i counts as one for another interface.

Exit codes: 0 nothing is broken (with --rules: told), 1 a layer is broken, 2 it could
not be told (what is known is shown).

Examples:
  plumbline trace pod/shop/web-0 svc/shop/orders:http
  plumbline trace pod/shop/web-0 orders.payments --port 8080
  plumbline trace pod/shop/web-0 pod/shop/api-2 --port 9090 --bundle today.tar.gz
  iptables-save > rules.txt
  plumbline trace --rules rules.txt --from 10.244.1.7 --to 10.96.0.10:53/udp
  plumbline trace --rules rules.txt --from 192.0.2.9 --to 192.168.1.11:30080/tcp \\
      --node-ip 192.168.1.11 -o json`;

interface TraceOptions {
  readonly rules: string;
  readonly from: string;
  readonly to: string;
  readonly nodeIp: readonly string[];
  readonly output: 'table' | 'json' | 'yaml';
}

/** Both forms as they may be given, mixed or not. */
interface GivenOptions extends PairOptions {
  readonly rules?: string;
  readonly from?: string;
  readonly to?: string;
  readonly nodeIp: readonly string[];
}

/** Adds the command to the program. */
export function addTrace(program: Command, context: Context): void {
  const command = program
    .command('trace')
    .description('which layer broke first between two ends; or one packet through the rules of a dump')
    .argument('[from]', 'pod/NAMESPACE/NAME, node/NAME or an IP')
    .argument('[to]', 'the same, svc/NAMESPACE/NAME[:PORT], IP:PORT or a DNS name')
    .option('--port <port>', 'the port, where TO names none')
    .addOption(new Option('--protocol <protocol>', 'the protocol').choices(['tcp', 'udp', 'sctp']))
    .option('--bundle <place>', 'a recording in place of the aggregator: a folder or a .tar.gz')
    .option('--rules <file>', 'output of iptables-save (ip6tables-save for IPv6); - reads stdin')
    .option('--from <ip>', 'with --rules: source address of the packet')
    .option('--to <ip:port/proto>', 'with --rules: destination, 10.96.0.10:53/udp or [fd00::1]:443/tcp')
    .option('--node-ip <ip>', "with --rules: an address of the node's own; may be given several times", gather, [])
    .addOption(outputOption(['table', 'json', 'yaml']))
    .addHelpText('after', examples)
    .action((from: string | undefined, to: string | undefined, options: GivenOptions) =>
      eitherForm({ from, to }, options, context),
    );
  addServerOptions(command);
}

/** The pair is given in words, the packet in options: one of them. */
async function eitherForm(
  ends: { readonly from: string | undefined; readonly to: string | undefined },
  options: GivenOptions,
  context: Context,
): Promise<void> {
  const { rules, from, to, nodeIp } = options;
  const advice = 'Give FROM and TO, or --rules with --from and --to; see plumbline trace --help.';
  const refuseFor = (cameBack: string) => refuse(context, { attempted: 'trace', cameBack, advice });
  const ofPair = [ends.from, options.port, options.protocol, options.bundle, options.server, options.kubeconfig];
  const isPair = ofPair.some((one) => one !== undefined);
  const isPacket = rules !== undefined || from !== undefined || to !== undefined || nodeIp.length > 0;
  if (isPair && isPacket) return refuseFor('a pair and the rules of a dump exclude each other');
  if (isPacket) {
    const lacks = [rules === undefined && '--rules', from === undefined && '--from', to === undefined && '--to'];
    if (rules !== undefined && from !== undefined && to !== undefined) {
      return trace({ rules, from, to, nodeIp, output: options.output }, context);
    }
    return refuseFor(`${lacks.filter(Boolean).join(' and ')} is missing`);
  }
  if (ends.from === undefined || ends.to === undefined) return refuseFor('it takes two ends');
  return tracePair({ from: ends.from, to: ends.to }, options, context);
}

function gather(value: string, earlier: readonly string[]): readonly string[] {
  return [...earlier, value];
}

interface Packet {
  readonly from: Address;
  readonly to: Address;
  readonly port: number;
  readonly protocol: Protocol;
  readonly localAddresses: readonly Address[];
}

async function trace(options: TraceOptions, context: Context): Promise<void> {
  const packet = readPacket(options);
  if (!packet.ok) return refuse(context, packet.refusal);
  const attempted = `trace through ${options.rules}`;
  const ruleset = await readRuleset(options.rules, context.stdin, attempted);
  if (!ruleset.ok) return refuse(context, ruleset.refusal);
  const { reason, ...answer } = tracePacket({
    rulesets: [{ backend: 'nft', family: familyOf(packet.value.to), ruleset: ruleset.value }],
    ...packet.value,
  });
  if (answer.verdict === 'unknown') {
    const cameBack = `what its rules do with this packet cannot be told (${reason ?? 'no reason given'})`;
    const way = answer.path.length === 0 ? '' : `\nThe way so far:\n${pathText(answer.path)}`;
    return refuse(context, {
      attempted,
      cameBack,
      advice: `One of them asks for more than addresses and ports; look at it by hand.${way}`,
    });
  }
  const { verdict, backends, masquerade, path } = answer;
  const document = { verdict, backends, masquerade, path };
  await context.terminal.print(
    options.output === 'table' ? humanTrace(document, options, context) : structuredText(document, options.output),
  );
}

function readPacket({ from, to, nodeIp }: TraceOptions): Outcome<Packet> {
  const attempted = `trace ${from} to ${to}`;
  const source = parseAddress(from);
  if (source === null) return refused(attempted, `--from ${from} is no IP address`, 'Give one like 10.244.1.7.');
  const [hostPort = '', protocolText = 'tcp', ...rest] = to.split('/');
  const target = parseHostPort(hostPort);
  const protocol = readProtocol(protocolText);
  if (target === null || protocol === null || rest.length > 0) {
    const wanted = 'Give IP:PORT/PROTO with tcp, udp or sctp, like 10.96.0.10:53/udp or [fd00::1]:443/tcp.';
    return refused(attempted, `--to ${to} names no address, port and protocol`, wanted);
  }
  if (familyOf(source) !== familyOf(target.address)) {
    return refused(attempted, 'one is IPv4 and the other IPv6', 'Give both of one family.');
  }
  const localAddresses: Address[] = [];
  for (const text of nodeIp) {
    const address = parseAddress(text);
    if (address === null)
      return refused(attempted, `--node-ip ${text} is no IP address`, 'Give one like 192.168.1.11.');
    localAddresses.push(address);
  }
  return done({ from: source, to: target.address, port: target.port, protocol, localAddresses });
}

function readProtocol(text: string): Protocol | null {
  const name = text.toLowerCase();
  return name === 'tcp' || name === 'udp' || name === 'sctp' ? name : null;
}

type Answer = Pick<ReturnType<typeof tracePacket>, 'verdict' | 'backends' | 'masquerade' | 'path'>;

function humanTrace(answer: Answer, { from, to }: TraceOptions, { terminal }: Context): string {
  const paint = paints(terminal.colours);
  const lines = [paint.strong(`${from} to ${to}: ${sentence(answer)}`)];
  if (answer.path.length > 0) lines.push('', pathText(answer.path));
  return `${lines.join('\n')}\n`;
}

function sentence({ verdict, backends, masquerade }: Answer): string {
  switch (verdict) {
    case 'forward': {
      const targets = backends.map(({ ip, port }) => (ip.includes(':') ? `[${ip}]:${port}` : `${ip}:${port}`));
      const rewritten = masquerade ? 'its source address rewritten' : 'its source address kept';
      return `sent to ${targets.join(' or ')}, ${rewritten}.`;
    }
    case 'accept':
      return 'accepted as it is.';
    case 'reject':
      return 'rejected: the client is told at once.';
    case 'drop':
      return 'dropped: the client waits in vain.';
    case 'none':
      return 'no rule takes it; it goes on untranslated.';
    case 'unknown':
      return 'cannot be decided.';
  }
}

function pathText(path: Answer['path']): string {
  return path.map(({ table, rule }) => `  ${table.padEnd(6)}   ${rule}`).join('\n');
}
