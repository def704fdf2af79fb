/** A mistake in the environment, to be told to whoever starts the Vault. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}
