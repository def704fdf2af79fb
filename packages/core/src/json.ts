/** A scalar of JSON. Numbers are finite doubles. */
export type JsonScalar = null | boolean | number | string;

/** What a stored JSON value is when it is read back. Member order is not kept. */
export type JsonValue = JsonScalar | readonly JsonValue[] | JsonObject;

/** A JSON object. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/** What may be handed in where JSON is stored: a `Date` becomes its ISO text, an `undefined` member vanishes. */
export type JsonInput = JsonScalar | Date | readonly JsonInput[] | { readonly [key: string]: JsonInput | undefined };

/**
 * A value that can be stored: JSON, or bytes. Interfaces and classes without an index signature are accepted as
 * `object` and checked when they are stored: functions, symbols, bigints, NaN, infinities, cycles, maps, sets, bytes
 * inside JSON, U+0000 and lone surrogates are refused with the path of what was wrong.
 */
export type Storable = JsonScalar | Date | object;

/** What a record carries beside its data. `ttl` has a meaning for the DataManager alone. */
export type Metadata = JsonObject;

/** Metadata as it may be handed in. */
export type MetadataInput = { readonly [key: string]: JsonInput | undefined };
