// Plants imports that cross the arrows between packages, and expects lint to refuse each; an allowed
// import beside them must pass. (That the real code keeps to the arrows is lint's own work.)
import { join } from 'node:path';
import { ESLint } from 'eslint';
import { root } from '../workspace.mjs';

const rule = '@nx/enforce-module-boundaries';
const planted = [
  { file: 'packages/core/src/planted.ts', specifier: '@storage/domain', allowed: false },
  { file: 'packages/domain/src/planted.ts', specifier: '@storage/backend-kit', allowed: false },
  { file: 'packages/memory/src/planted.ts', specifier: '@storage/sqlite', allowed: false },
  { file: 'packages/memory/src/planted.ts', specifier: '@storage/manager', allowed: false },
  { file: 'packages/memory/src/planted.ts', specifier: '@storage/conformance', allowed: false },
  { file: 'packages/memory/src/planted.ts', specifier: '../../core/src/index.ts', allowed: false },
  { file: 'packages/memory/test/planted.test.ts', specifier: '@storage/sqlite', allowed: false },
  { file: 'packages/manager/src/planted.ts', specifier: '@storage/sqlite', allowed: false },
  { file: 'packages/pgvector/src/planted.ts', specifier: '@storage/postgres', allowed: false },
  // What stands in for a vendor knows nothing of who is tested against it.
  { file: 'tools/pinecone/src/planted.ts', specifier: '@storage/core', allowed: false },
  { file: 'tools/pinecone/src/planted.ts', specifier: '@storage/pinecone', allowed: false },
  { file: 'tools/pinecone/test/planted.test.ts', specifier: '@storage/openapi', allowed: false },
  { file: 'packages/memory/test/planted.test.ts', specifier: '@storage/conformance', allowed: true },
  { file: 'packages/memory/src/planted.ts', specifier: '@storage/core', allowed: true },
  { file: 'packages/manager/src/load-backend.ts', specifier: '@storage/sqlite', allowed: true },
];

// Rules that need types are left out: the planted files are not on disk, so no project has them.
const eslint = new ESLint({
  cwd: root,
  overrideConfig: {
    files: ['**/*.ts'],
    languageOptions: { parserOptions: { projectService: false } },
    rules: {
      '@typescript-eslint/await-thenable': 'off',
      '@typescript-eslint/no-floating-promises': 'off',
      '@typescript-eslint/no-misused-promises': 'off',
    },
  },
});

let failed = false;
for (const { file, specifier, allowed } of planted) {
  const [{ messages }] = await eslint.lintText(`export * as planted from '${specifier}';\n`, {
    filePath: join(root, file),
  });
  const refused = messages.some(({ ruleId }) => ruleId === rule);
  const stray = messages.filter(({ ruleId }) => ruleId !== rule);
  if (refused === allowed || stray.length > 0) {
    failed = true;
    console.error(`${file} importing ${specifier} should be ${allowed ? 'allowed' : 'refused'}:`, messages);
  }
}
console.log(`${planted.length} planted imports: ${failed ? 'failed' : 'ok'}`);
process.exitCode = failed ? 1 : 0;
