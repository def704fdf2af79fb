// Installs the dependencies when they are missing or stale, so that `npm start` and `npm test`
// work in a bare clone. Uses only what Node has built in: it runs before anything is installed.
// With --stamp (the root's postinstall) it only notes that an install has just succeeded.
import { execSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, 'node_modules', '.install-stamp');

// Native drivers are built for one Node ABI and one platform, so these belong to the stamp.
const stamp = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .update(`${process.versions.modules}-${process.platform}-${process.arch}`)
  .digest('hex');

if (process.argv.includes('--stamp')) {
  writeFileSync(stampFile, stamp);
} else if (!existsSync(stampFile) || readFileSync(stampFile, 'utf8') !== stamp) {
  console.error('Installing dependencies (npm ci) …');
  // Output goes to standard error: that of the command behind it may be read by a program.
  execSync('npm ci --no-fund --no-audit', { cwd: root, stdio: ['ignore', 2, 2] });
}
