import { invalidArgument, StorageError, type VectorFields, type VectorFieldType } from '@storage/core';
import { splitPath, valueAt } from '@storage/core/filter';
import type { CollectionDefinition, CollectionRow, VectorRow } from './vector-driver.ts';

const types: readonly VectorFieldType[] = ['string', 'number', 'boolean', 'date'];
const maxFields = 64;
const noFields: VectorFields = Object.freeze({});

/** Declared fields of a collection. */
export function checkVectorFields(fields: unknown): VectorFields {
  if (fields === undefined) return noFields;
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    throw invalidArgument("fields is an object of paths and types, such as { 'source.page': 'number' }.", {
      path: 'fields',
    });
  const entries = Object.entries(fields as Record<string, unknown>);
  if (entries.length > maxFields)
    throw invalidArgument(`fields has ${entries.length} paths; at most ${maxFields} can be declared.`, {
      path: 'fields',
    });
  return Object.fromEntries(
    entries.map(([path, type]) => {
      splitPath(path);
      const known = types.find((each) => each === type);
      if (known === undefined || path.startsWith('$'))
        throw invalidArgument(`fields[${JSON.stringify(path)}] must be one of ${types.join(', ')} at a path.`, {
          path: `fields.${path}`,
        });
      return [path, known];
    }),
  );
}

/** The name of a model. */
export function checkModel(model: unknown): string | undefined {
  if (model === undefined) return undefined;
  if (typeof model !== 'string' || model === '' || model.length > 256)
    throw invalidArgument('embeddingModel is the name of a model, of at most 256 characters.', {
      path: 'embeddingModel',
    });
  return model;
}

/** What of a definition engines have no place for of their own, as one JSON text. */
export function encodeSettings(definition: Omit<CollectionDefinition, 'dimension' | 'metric'>): string {
  const { metadata, embeddingModel, fields } = definition;
  return JSON.stringify({ metadata: JSON.parse(metadata) as unknown, embeddingModel, fields });
}

/** What `encodeSettings` wrote; `''` is what has none. Anything else is `corrupt`. */
export function decodeSettings(text: string): Omit<CollectionDefinition, 'dimension' | 'metric'> {
  if (text === '') return { metadata: '{}', embeddingModel: undefined, fields: noFields };
  try {
    const { metadata, embeddingModel, fields } = JSON.parse(text) as {
      readonly metadata?: object;
      readonly embeddingModel?: unknown;
      readonly fields?: unknown;
    };
    return {
      metadata: JSON.stringify(metadata ?? {}),
      embeddingModel: checkModel(embeddingModel),
      fields: checkVectorFields(fields),
    };
  } catch (error) {
    throw new StorageError({
      code: 'corrupt',
      message: 'The settings of the collection are no text that this library wrote; make the collection again.',
      cause: error,
    });
  }
}

/** The declared paths of one type, as keys. */
export function fieldsOf({ fields }: Pick<CollectionRow, 'fields'>, type: VectorFieldType): readonly string[][] {
  return Object.entries(fields)
    .filter(([, each]) => each === type)
    .map(([path]) => splitPath(path));
}

/** Whether a text is an instant as `Date.toISOString()` writes it, of a year of four digits: those of others are in another order as texts. */
export function isInstant(text: string): boolean {
  if (text.length !== 24) return false;
  const time = Date.parse(text);
  return Number.isFinite(time) && new Date(time).toISOString() === text;
}

/** The strings that filters see at a path. */
function textsAt(metadata: unknown, keys: readonly string[]): readonly string[] {
  const value = valueAt(metadata, keys);
  return (Array.isArray(value) ? value : [value]).filter((each) => typeof each === 'string');
}

/** Refuses documents with a text that is no instant where the collection has dates: as times and as texts they would be in another order. */
export function checkDates(rows: readonly VectorRow[], collection: CollectionRow): void {
  const dates = fieldsOf(collection, 'date');
  if (dates.length === 0) return;
  for (const [index, row] of rows.entries()) {
    const metadata: unknown = JSON.parse(row.metadata);
    for (const keys of dates) {
      const wrong = textsAt(metadata, keys).find((text) => !isInstant(text));
      if (wrong === undefined) continue;
      const path = `documents[${index}].metadata.${keys.join('.')}`;
      throw invalidArgument(
        `${path} is ${JSON.stringify(wrong.slice(0, 40))}; the field is declared a date: hand in a Date, or text as Date.toISOString() writes it.`,
        { path },
      );
    }
  }
}
