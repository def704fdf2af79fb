import { definePlugin, type Environment, type Plugin } from '@storage/core';
import { createSample, type SampleBackend } from './sample-backend.ts';
import type { SampleOptions } from './sample-options.ts';

function fromEnv(env: Environment): SampleOptions {
  const url = env['SAMPLE_URL'];
  return { ...(url !== undefined && { url }) };
}

/** Sample as a plugin. Its variable: `SAMPLE_URL`. */
export const samplePlugin: Plugin<'sample', SampleOptions, SampleBackend> = definePlugin({
  name: 'sample',
  contract: 1,
  fromEnv,
  create: (options) => createSample(options),
});
