import { definePlugin, type Environment, invalidArgument, type Plugin } from '@storage/core';
import { createFilesystem, type FilesystemBackend } from './filesystem-backend.ts';
import type { FilesystemOptions } from './filesystem-options.ts';

function fromEnv(env: Environment): FilesystemOptions {
  const basePath = env['FILESYSTEM_PATH'];
  const layout = env['FILESYSTEM_LAYOUT'];
  if (layout !== undefined && layout !== 'plain' && layout !== 'safe')
    throw invalidArgument('FILESYSTEM_LAYOUT is plain or safe.', { path: 'FILESYSTEM_LAYOUT' });
  return { ...(basePath !== undefined && { basePath }), ...(layout !== undefined && { layout }) };
}

/** A folder as a plugin. Its variables: `FILESYSTEM_PATH`, `FILESYSTEM_LAYOUT`. */
export const filesystemPlugin: Plugin<'filesystem', FilesystemOptions, FilesystemBackend> = definePlugin({
  name: 'filesystem',
  contract: 1,
  fromEnv,
  create: (options) => createFilesystem(options),
});
