/**
 * The kubelet's side of the Container Runtime Interface that changes things: sandboxes are run, stopped and removed. The
 * agent has no code for any of these calls, so their messages are written here by hand, by the field numbers of
 * k8s.io/cri-api, pkg/apis/runtime/v1/api.proto.
 */
import { BinaryReader, BinaryWriter } from '@bufbuild/protobuf/wire';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { NamespaceMode } from '../../proto/generated/cri/runtime.ts';

export interface SandboxOrder {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Path of the pod's cgroup. */
  readonly cgroup: string;
  /** It has the node's own network. */
  readonly hostNetwork: boolean;
}

export interface CriOrders {
  /** @returns the sandbox's id. @throws with the runtime's own words. */
  run(order: SandboxOrder): Promise<string>;
  stop(id: string): Promise<void>;
  remove(id: string): Promise<void>;
  close(): void;
}

const deadlineMs = 30_000;

/** Orders to the runtime at a socket. */
export function criOrders(socket: string): CriOrders {
  const client = new Client(`unix:${socket}`, credentials.createInsecure(), { 'grpc.default_authority': 'localhost' });
  const call = (method: string, request: BinaryWriter) =>
    new Promise<Buffer>((resolve, reject) => {
      const path = `/runtime.v1.RuntimeService/${method}`;
      const same = (bytes: Buffer) => bytes;
      const settings = { deadline: Date.now() + deadlineMs };
      const message = Buffer.from(request.finish());
      client.makeUnaryRequest(path, same, same, message, new Metadata(), settings, (error, answer) => {
        if (error === null && answer !== undefined) resolve(answer);
        else reject(new Error(`${method}: ${error?.details}`));
      });
    });
  return {
    run: async (order) => firstText(await call('RunPodSandbox', messageIn(1, configOf(order)))),
    stop: async (id) => void (await call('StopPodSandbox', textIn(1, id))),
    remove: async (id) => void (await call('RemovePodSandbox', textIn(1, id))),
    close: () => client.close(),
  };
}

/** PodSandboxConfig: metadata = 1, hostname = 2, linux = 8. */
function configOf({ namespace, name, uid, cgroup, hostNetwork }: SandboxOrder): BinaryWriter {
  const metadata = textIn(3, namespace, textIn(2, uid, textIn(1, name)));
  // NamespaceOption: network = 1, pid = 2; what a kubelet asks for.
  const network = hostNetwork ? NamespaceMode.NODE : NamespaceMode.POD;
  const options = new BinaryWriter().uint32(8).int32(network).uint32(16).int32(NamespaceMode.CONTAINER);
  // LinuxPodSandboxConfig: cgroup_parent = 1, security_context = 2, whose namespace_options = 1.
  const linux = messageIn(2, messageIn(1, options), textIn(1, cgroup));
  return messageIn(8, linux, textIn(2, hostNetwork ? '' : name, messageIn(1, metadata)));
}

/** A field of bytes has wire type 2. */
function tag(field: number): number {
  return (field << 3) | 2;
}

function textIn(field: number, text: string, writer = new BinaryWriter()): BinaryWriter {
  return writer.uint32(tag(field)).string(text);
}

function messageIn(field: number, message: BinaryWriter, writer = new BinaryWriter()): BinaryWriter {
  return writer.uint32(tag(field)).bytes(message.finish());
}

/** The text of the first field: `pod_sandbox_id`. */
function firstText(message: Buffer): string {
  const reader = new BinaryReader(message);
  reader.uint32();
  return reader.string();
}
