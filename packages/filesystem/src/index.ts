export { createFilesystem, type FilesystemBackend } from './filesystem-backend.ts';
export type { FilesystemCapabilities } from './filesystem-capabilities.ts';
export type { FilesystemLayout, FilesystemOptions } from './filesystem-options.ts';
export { filesystemPlugin } from './filesystem-plugin.ts';
export type { Swept } from './filesystem-sweep.ts';
