export { createSample, type SampleBackend } from './sample-backend.ts';
export type { SampleCapabilities } from './sample-capabilities.ts';
export type { SampleClient } from './sample-client.ts';
export type { SampleOptions } from './sample-options.ts';
export { samplePlugin } from './sample-plugin.ts';
