export { readConfig, type VaultConfig } from './config.ts';
export { ConfigError } from './config-error.ts';
export type { VaultServer, VaultStores } from './face.ts';
export { type RunningVault, startVault } from './start.ts';
export { createVault, type VaultOptions } from './vault.ts';
