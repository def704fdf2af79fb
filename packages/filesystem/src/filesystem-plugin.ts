import { definePlugin, type Environment, type Plugin } from '@storage/core';
import { createFilesystem, type FilesystemBackend } from './filesystem-backend.ts';
import type { FilesystemOptions } from './filesystem-options.ts';

function fromEnv(env: Environment): FilesystemOptions {
  const url = env['FILESYSTEM_URL'];
  return { ...(url !== undefined && { url }) };
}

/** Filesystem as a plugin. Its variable: `FILESYSTEM_URL`. */
export const filesystemPlugin: Plugin<'filesystem', FilesystemOptions, FilesystemBackend> = definePlugin({
  name: 'filesystem',
  contract: 1,
  fromEnv,
  create: (options) => createFilesystem(options),
});
