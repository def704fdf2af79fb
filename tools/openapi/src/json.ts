/** A JSON object of unknown members. */
export type JsonObject = { readonly [member: string]: unknown };

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A member of an object; `undefined` when the value is no object. */
export const member = (value: unknown, name: string): unknown => (isObject(value) ? value[name] : undefined);

export const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
