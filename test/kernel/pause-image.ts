/**
 * The image of sandboxes, made here since none can be had from a registry: one static program in one layer, as an OCI
 * image layout (opencontainers/image-spec, image-layout.md) in a tar archive, which `ctr images import` takes.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pack } from 'tar-stream';

export const pauseImage = 'plumbline.test/pause:1';

const go = '/usr/lib/go-1.19/bin/go';
const sources = join(import.meta.dirname, 'pause');
const cache = join(import.meta.dirname, '../../node_modules/.cache/plumbline/go-build');

/** Makes the archive in a folder. @returns its path. @throws where the program cannot be compiled. */
export async function makePauseImage(folder: string): Promise<string> {
  const layer = await tarOf([['pause', compiled(folder)]]);
  const config = JSON.stringify({
    // Go's name of it is the image's name of it.
    architecture: goArchitecture(),
    os: 'linux',
    config: { Entrypoint: ['/pause'] },
    rootfs: { type: 'layers', diff_ids: [digestOf(layer)] },
  });
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    config: described('config.v1+json', Buffer.from(config)),
    layers: [described('layer.v1.tar', layer)],
  });
  const named = { 'io.containerd.image.name': pauseImage };
  const index = JSON.stringify({
    schemaVersion: 2,
    manifests: [{ ...described('manifest.v1+json', Buffer.from(manifest)), annotations: named }],
  });
  const blobs = [layer, Buffer.from(config), Buffer.from(manifest)].map(
    (bytes) => [`blobs/sha256/${digestOf(bytes).slice('sha256:'.length)}`, bytes] as const,
  );
  const archive = join(folder, 'pause.tar');
  const layout = Buffer.from('{"imageLayoutVersion":"1.0.0"}');
  writeFileSync(archive, await tarOf([['oci-layout', layout], ['index.json', Buffer.from(index)], ...blobs]));
  return archive;
}

function compiled(folder: string): Buffer {
  const program = join(folder, 'pause');
  const args = ['build', '-trimpath', '-ldflags', '-s -w', '-o', program, '.'];
  const env = { PATH: process.env.PATH, GO111MODULE: 'off', CGO_ENABLED: '0', GOCACHE: cache, GOPATH: folder };
  const built = spawnSync(go, args, { cwd: sources, env, encoding: 'utf8' });
  if (built.status !== 0) {
    const why = built.error?.message ?? built.stderr;
    throw new Error(`${go} build of test/kernel/pause failed (package golang-1.19-go brings it): ${why}`);
  }
  return readFileSync(program);
}

function goArchitecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

async function tarOf(files: readonly (readonly [name: string, bytes: Buffer])[]): Promise<Buffer> {
  const archive = pack();
  for (const [name, bytes] of files) archive.entry({ name, mode: 0o755, mtime: new Date(0) }, bytes);
  archive.finalize();
  const pieces: Buffer[] = [];
  for await (const piece of archive) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

function described(type: string, bytes: Buffer) {
  return { mediaType: `application/vnd.oci.image.${type}`, digest: digestOf(bytes), size: bytes.length };
}

function digestOf(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
