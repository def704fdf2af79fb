import { defaultRegistry, type Messaging } from '@storage/core';
import './register.ts';

/** Importing `/register` types the default registry. */
export const messaging: Messaging = defaultRegistry().create('memory', { maxEntries: 1 }).messaging;

// @ts-expect-error -- not an option of this plugin's type
defaultRegistry().create('memory', { maxEntries: 'many' });
