// Packs every published package, as `npm publish` would, into a new temporary folder.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { published } from '../workspace.mjs';

/** A new temporary folder, gone when the process ends. */
export function temporaryFolder(purpose) {
  const folder = mkdtempSync(join(tmpdir(), `storage-${purpose}-`));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** `{ name, folder, manifest, tarball }` of each published package; they must have been built. */
export function packPublished() {
  const destination = temporaryFolder('packed');
  return published().map(({ name, folder, manifest }) => {
    const answer = execFileSync('npm', ['pack', '--json', '--pack-destination', destination], {
      cwd: folder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const [{ filename }] = Object.values(JSON.parse(answer));
    return { name, folder, manifest, tarball: join(destination, filename) };
  });
}
