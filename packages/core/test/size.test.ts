import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';

async function bundled(entry: string, external: string[] = []): Promise<{ contents: Uint8Array; imports: string[] }> {
  const { outputFiles, metafile } = await build({
    entryPoints: [join(import.meta.dirname, '../src', entry)],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    target: 'node20',
    write: false,
    metafile: true,
    external,
  });
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports.map(({ path }) => path));
  return { contents: outputFiles[0]?.contents ?? new Uint8Array(), imports };
}

describe('bundled, minified and gzipped', () => {
  test.each([
    ['index.ts', [], 8192],
    ['filter/index.ts', [], 4096],
    // Whoever uses agents has core already.
    ['agents/index.ts', ['../index.ts'], 4096],
  ])('%s stays within its budget', async (entry, external, budget) => {
    const { contents } = await bundled(entry, external);
    expect(contents.length).toBeGreaterThan(1000);
    expect(gzipSync(contents, { level: 9 }).length).toBeLessThanOrEqual(budget);
  });

  test('core imports nothing, not even of Node', async () => {
    expect((await bundled('index.ts')).imports).toEqual([]);
  });
});

describe('the import', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'core-import-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Milliseconds that a fresh process takes to import a module. */
  function importTime(file: string): number {
    const script = `const start = performance.now(); await import(${JSON.stringify(pathToFileURL(file).href)}); console.log(performance.now() - start)`;
    return Number(execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8', env: {} }));
  }

  test('takes under 10 ms more than that of an empty module', async () => {
    const core = join(folder, 'core.mjs');
    const empty = join(folder, 'empty.mjs');
    writeFileSync(core, (await bundled('index.ts')).contents);
    writeFileSync(empty, 'export {};');
    // Side by side, so that a busy machine slows both.
    const rounds = Array.from({ length: 7 }, () => ({ core: importTime(core), empty: importTime(empty) }));
    const median = (times: number[]): number => times.sort((a, b) => a - b)[3] ?? 0;
    expect(median(rounds.map((round) => round.core - round.empty))).toBeLessThan(10);
  });
});
