import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { onOwnService } from '@storage/services/testing';
import { type CodeBlock, codeBlocks } from '../src/code-blocks.ts';
import { servers, startServer } from './readme-servers.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');
// Within the project, so that packages are found; never a part of what is committed.
const folder = join(import.meta.dirname, '../out-tsc/readme');

interface Example extends CodeBlock {
  readonly page: string;
  readonly title: string;
  readonly file: string;
}

const pages = [
  'README.md',
  ...['packages', 'apps'].flatMap((group) =>
    readdirSync(join(root, group)).map((name) => `${group}/${name}/README.md`),
  ),
].filter((page) => existsSync(join(root, page)));

const examples: Example[] = pages.flatMap((page) =>
  codeBlocks(readFileSync(join(root, page), 'utf8')).map((block) => ({
    ...block,
    page,
    title: `${page}:${block.line}`,
    file: join(folder, `${page.replaceAll(/[/.]/g, '-')}-${block.line}.ts`),
  })),
);

let work: string;
beforeAll(() => {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  work = mkdtempSync(join(tmpdir(), 'readme-'));
  for (const { code, file } of examples) writeFileSync(file, `${code}\nexport {};\n`);
});
afterAll(() => {
  rmSync(work, { recursive: true, force: true });
  rmSync(folder, { recursive: true, force: true });
});

test('there are examples', () => {
  expect(pages).toContain('packages/core/README.md');
  expect(examples.length).toBeGreaterThan(5);
});

test('every example compiles', async () => {
  const project = join(folder, 'tsconfig.json');
  const config = {
    extends: relative(folder, join(root, 'tsconfig.base.json')),
    compilerOptions: { composite: false, isolatedDeclarations: false, noEmit: true, noUnusedLocals: false },
    include: ['*.ts'],
  };
  writeFileSync(project, JSON.stringify(config));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = await run(process.execPath, [tsc, '-p', project], { timeout: 120_000 }).catch(
    (error: { stdout: string }) => error,
  );
  expect(stdout).toBe('');
}, 150_000);

/** Runs the examples of some pages, with what tells them where their server is. */
function runExamples(chosen: readonly Example[], variables: () => { readonly [name: string]: string }): void {
  test.each(chosen)(
    '$title runs',
    async ({ file, prints }) => {
      const cwd = mkdtempSync(join(work, 'run-'));
      const { NODE_OPTIONS: _, ...env } = process.env;
      const tsx = pathToFileURL(join(root, 'node_modules/tsx/dist/loader.mjs')).href;
      const { stdout } = await run(process.execPath, ['--conditions=@storage/source', '--import', tsx, file], {
        cwd,
        // A runner that asks for colours would change what the examples print.
        env: { ...env, ...variables(), FORCE_COLOR: '0' },
        timeout: 30_000,
      });
      if (prints.length > 0) expect(stdout.trim().split('\n')).toEqual(prints);
    },
    40_000,
  );
}

runExamples(
  examples.filter(({ page }) => !Object.hasOwn(servers, page)),
  () => ({}),
);

for (const [page, server] of Object.entries(servers)) {
  const chosen = examples.filter((example) => example.page === page);
  await onOwnService(server.name, () => {
    describe(server.name, () => {
      let variables: { readonly [name: string]: string };
      // What examples store is theirs alone: the server is started for them.
      startServer(server, (found) => {
        variables = found;
      });
      runExamples(chosen, () => variables);
    });
  });
}
