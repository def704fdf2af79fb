import { isObject, type JsonObject } from './json.ts';

/** How a document's schemas are read. */
export interface Reading {
  /** The id under which the document's components are registered; references point there. */
  readonly base: string;
  /** Members that a schema does not name are refused, also where the document says nothing about them. */
  readonly named: boolean;
  /** `oneOf` means "at least one": its maker writes it for variants that overlap (an integer is a number as well). */
  readonly overlapping: boolean;
}

const lists = new Set(['allOf', 'anyOf', 'oneOf']);
const maps = new Set(['properties', 'patternProperties']);
const wordless = new Set(['example', 'examples', 'description', 'title', 'discriminator', 'nullable', 'default']);

/**
 * A schema of OpenAPI 3.0 or 3.1 as JSON Schema 2020-12. `open`: it is one part of a whole (a branch of `allOf`, or beside other
 * members), so that only the whole may say which members are unknown.
 */
export function jsonSchema(schema: unknown, reading: Reading, open = false): unknown {
  if (!isObject(schema)) return schema;
  const reference = schema['$ref'];
  const translated =
    typeof reference === 'string' ? { $ref: component(reference, reading, open) } : translate(schema, reading, open);
  return schema['nullable'] === true ? orNull(translated) : translated;
}

/** The document's components: each whole, and each as a part of another. */
export function components(schemas: JsonObject, reading: Reading): JsonObject {
  const all = (open: boolean) =>
    Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, jsonSchema(schema, reading, open)]));
  return { $id: reading.base, whole: all(false), part: all(true) };
}

function component(reference: string, reading: Reading, open: boolean): string {
  const name = /^#\/components\/schemas\/([^/]+)$/.exec(reference)?.[1];
  if (name === undefined)
    throw new Error(`The reference ${reference} is not to a schema of the document's components.`);
  return `${reading.base}#/${open ? 'part' : 'whole'}/${name}`;
}

function translate(schema: JsonObject, reading: Reading, open: boolean): JsonObject {
  const properties = isObject(schema['properties']);
  const composed = schema['allOf'] !== undefined || (properties && (schema['anyOf'] ?? schema['oneOf']) !== undefined);
  const result: Record<string, unknown> = {};
  for (const [word, value] of Object.entries(schema)) {
    if (wordless.has(word)) continue;
    if (lists.has(word) && Array.isArray(value)) {
      const key = word === 'oneOf' && reading.overlapping ? 'anyOf' : word;
      result[key] = value.map((branch) => jsonSchema(branch, reading, open || composed));
    } else if (maps.has(word) && isObject(value)) {
      result[word] = Object.fromEntries(Object.entries(value).map(([name, of]) => [name, jsonSchema(of, reading)]));
    } else if (word === 'not') result[word] = jsonSchema(value, reading, true);
    else result[word] = isObject(value) ? jsonSchema(value, reading) : value;
  }
  const names = properties || schema['allOf'] !== undefined;
  if (reading.named && names && !open && schema['additionalProperties'] === undefined) {
    result['unevaluatedProperties'] = false;
  }
  return result;
}

/** OpenAPI 3.0's `nullable`. Alone it would be true of anything; the documents mean null by it. */
function orNull(schema: JsonObject): JsonObject {
  const words = Object.keys(schema);
  if (words.length === 0) return { type: 'null' };
  return { anyOf: [schema, { type: 'null' }] };
}
