import vm from 'node:vm';

// Without the flag @swc/jest falls back to CommonJS in silence, and the tests would prove
// something else than what is published.
if (vm.SourceTextModule === undefined) {
  throw new Error(
    'Jest must run with NODE_OPTIONS=--experimental-vm-modules (nx test, npx jest and npm scripts set it).',
  );
}
