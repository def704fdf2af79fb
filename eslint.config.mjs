// ESLint checks what Biome can't: the arrows between packages (from the tags in each package.json)
// and promises that nobody waits for. Everything else is Biome's.
import nx from '@nx/eslint-plugin';
import typescript from '@typescript-eslint/eslint-plugin';
import parser from '@typescript-eslint/parser';

/** What each layer may depend on. Backends never import one another; the manager names them in one file. */
const arrows = {
  core: [],
  'backend-kit': ['core'],
  domain: ['core'],
  conformance: ['core', 'domain'],
  sql: ['core', 'backend-kit', 'domain'],
  backend: ['core', 'backend-kit', 'domain', 'sql'],
  manager: ['core', 'domain'],
  app: ['core', 'domain', 'manager', 'backend'],
  'stand-in': [],
  // What starts servers and breaks them knows the contracts, and nothing of who keeps them.
  services: ['core', 'services'],
  tool: [
    'core',
    'backend-kit',
    'domain',
    'conformance',
    'sql',
    'backend',
    'manager',
    'app',
    'services',
    'stand-in',
    'tool',
  ],
};

const boundaries = (extra = {}) => [
  'error',
  {
    allow: [],
    enforceBuildableLibDependency: false,
    banTransitiveDependencies: true,
    depConstraints: Object.entries(arrows).map(([layer, layers]) => ({
      sourceTag: `layer:${layer}`,
      onlyDependOnLibsWithTags: [...layers, ...(extra[layer] ?? [])].map((target) => `layer:${target}`),
    })),
  },
];

export default [
  { ignores: ['**/dist/', '**/out-tsc/', '**/generated/', '**/reports/', '**/node_modules/', '.nx/'] },
  {
    files: ['**/*.ts'],
    languageOptions: { parser, parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    plugins: { '@nx': nx, '@typescript-eslint': typescript },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      '@nx/enforce-module-boundaries': boundaries(),
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
    },
  },
  {
    files: ['{packages,apps,tools}/*/src/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        { selector: 'CatchClause:not([param])', message: 'Name the error that is caught, and use it.' },
      ],
    },
  },
  {
    // Type tests are compiled and never run.
    files: ['**/*.test-d.ts'],
    rules: { '@typescript-eslint/no-floating-promises': 'off' },
  },
  {
    // Tests of a backend run the shared suites, against real servers.
    files: ['{packages,tools,apps}/*/test/**/*.ts', '{packages,tools}/*/src/**/*.test.ts'],
    rules: {
      '@nx/enforce-module-boundaries': boundaries({ backend: ['conformance', 'services'], app: ['services'] }),
    },
  },
  {
    // The one file of the manager that names backends.
    files: ['packages/manager/src/load-backend.ts'],
    rules: { '@nx/enforce-module-boundaries': boundaries({ manager: ['backend'] }) },
  },
];
