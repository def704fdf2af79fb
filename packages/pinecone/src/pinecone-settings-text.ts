import { type CollectionDefinition, decodeSettings, encodeSettings } from '@storage/backend-kit';
import { StorageError } from '@storage/core';

/** Of the vendor's 120 characters of a tag, and of as many tags as an index may have beside the user's. */
const tagCharacters = 120;
const maxTags = 15;
const settingsTag = 'storage-settings-';
const noSettings = encodeSettings({ metadata: '{}', embeddingModel: undefined, fields: {} });

/** The settings of a collection as one text; `''` when there are none. */
export function settingsText(definition: CollectionDefinition): string {
  const text = encodeSettings(definition);
  return text === noSettings ? '' : text;
}

/** Settings as tags of an index: base64, in pieces. Over what fits `too_large`. */
export function settingsToTags(definition: CollectionDefinition): { readonly [key: string]: string } {
  const encoded = Buffer.from(settingsText(definition)).toString('base64url');
  const pieces = encoded.match(new RegExp(`.{1,${tagCharacters}}`, 'g')) ?? [];
  if (pieces.length > maxTags)
    throw new StorageError({
      code: 'too_large',
      message: `The collection's metadata and fields take ${encoded.length} characters of the index's tags; ${tagCharacters * maxTags} fit. Keep less there, or use indexName, where 40 KB fit.`,
      applied: 'no',
      details: { limit: tagCharacters * maxTags, actual: encoded.length },
    });
  return Object.fromEntries(pieces.map((piece, at) => [settingsTag + at, piece]));
}

/** What `settingsToTags` wrote; an index of something else has none. */
export function settingsFromTags(tags: {
  readonly [key: string]: string;
}): Omit<CollectionDefinition, 'dimension' | 'metric'> {
  let encoded = '';
  for (let at = 0; at < maxTags; at++) encoded += tags[settingsTag + at] ?? '';
  return decodeSettings(Buffer.from(encoded, 'base64url').toString());
}
