import { fileURLToPath } from 'node:url';

const toolPath = (name) => fileURLToPath(new URL(`./tools/jest/${name}`, import.meta.url));

/**
 * The shared Jest configuration: native ES modules, TypeScript through swc, and workspace
 * packages resolved to their sources, so that tests need no build.
 */
export const preset = {
  testEnvironment: 'node',
  testEnvironmentOptions: { customExportConditions: ['@storage/source', 'node', 'node-addons'] },
  extensionsToTreatAsEsm: ['.ts'],
  testMatch: ['<rootDir>/src/**/*.test.ts', '<rootDir>/test/**/*.test.ts'],
  modulePathIgnorePatterns: ['<rootDir>/dist/', '<rootDir>/out-tsc/'],
  setupFiles: [toolPath('require-esm.mjs')],
  reporters: ['default', toolPath('report.mjs')],
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { decoratorVersion: '2022-03' },
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  // Half of the cores: Nx runs two projects side by side.
  maxWorkers: '50%',
};
