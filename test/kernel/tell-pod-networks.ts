/** Prints what the agent sees of pods' networks. @param argv[2] the node's /proc. */
import { collectPodNetworks } from '../../agent/collectors/pod-networks/pod-networks.ts';
import { localHost } from '../../agent/host.ts';

const [, , processFolder = '/proc'] = process.argv;
const part = await collectPodNetworks(localHost({ processFolder }), () => new Date(0));
process.stdout.write(JSON.stringify(part));
