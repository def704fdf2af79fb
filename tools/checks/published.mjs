// publint and "are the types wrong" on the tarball of every published package.
import { readFileSync } from 'node:fs';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { bin, run } from '../workspace.mjs';
import { packPublished } from './pack.mjs';

let failed = false;
for (const { name, manifest, tarball } of packPublished()) {
  const { buffer, byteOffset, byteLength } = readFileSync(tarball);
  const { messages } = await publint({
    level: 'warning',
    strict: true,
    pack: { tarball: buffer.slice(byteOffset, byteOffset + byteLength) },
  });
  for (const message of messages) console.error(`${name}: ${formatMessage(message, manifest, { color: false })}`);
  // ESM only is meant: the profile leaves out what require() of CommonJS TypeScript would need.
  const types = run(bin('attw'), [
    tarball,
    '--profile',
    'esm-only',
    '--format',
    'ascii',
    '--no-color',
    '--no-emoji',
    '--quiet',
  ]);
  if (types !== 0) run(bin('attw'), [tarball, '--profile', 'esm-only', '--format', 'ascii', '--no-color']);
  const passed = messages.length === 0 && types === 0;
  console.log(`${name}: publint and attw ${passed ? 'ok' : 'failed'}`);
  failed ||= !passed;
}
process.exitCode = failed ? 1 : 0;
