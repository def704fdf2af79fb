export { createFilesystem, type FilesystemBackend } from './filesystem-backend.ts';
export type { FilesystemCapabilities } from './filesystem-capabilities.ts';
export type { FilesystemClient } from './filesystem-client.ts';
export type { FilesystemOptions } from './filesystem-options.ts';
export { filesystemPlugin } from './filesystem-plugin.ts';
