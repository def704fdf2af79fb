// What the workspace's own tools share: where things are, which projects there are, how to run a command.
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

export const readJson = (path) => JSON.parse(readFileSync(path, 'utf8'));

/** Path of a command that a dependency of the workspace installs. */
export const bin = (name) => join(root, 'node_modules', '.bin', name);

/** The projects that Nx knows: `{ name, folder, manifest }`, in order of their folders. */
export function projects() {
  const graph = JSON.parse(
    execFileSync(bin('nx'), ['graph', '--print'], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }),
  );
  return Object.values(graph.graph.nodes)
    .map(({ name, data }) => ({
      name,
      folder: join(root, data.root),
      path: data.root,
      targets: Object.keys(data.targets ?? {}),
      manifest: readJson(join(root, data.root, 'package.json')),
    }))
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** The projects that are published. */
export const published = () => projects().filter(({ manifest }) => manifest.private !== true);

/** Runs a command with its output shown; answers its exit code. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) throw error;
  return status ?? 1;
}
