import { encodeJson, type JsonValue, type Storable, StorageError } from '@storage/core';

/**
 * A JSON document as it is stored, and as what it means. Whoever only passes it on uses `text` and never pays for parsing.
 */
export interface JsonDocument<T = JsonValue> {
  /** The stored JSON. Equal JSON to what was handed in, not always equal text. */
  readonly text: string;
  /** The text parsed, on first use; the same object every time. `corrupt` when it is no JSON. */
  readonly value: T;
}

class StoredDocument implements JsonDocument<never> {
  readonly text: string;
  #value: { readonly parsed: unknown } | undefined;

  constructor(text: string) {
    this.text = text;
  }

  get value(): never {
    this.#value ??= { parsed: parse(this.text) };
    return this.#value.parsed as never;
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new StorageError({
      code: 'corrupt',
      message: 'A stored document is no JSON; restore it from a backup.',
      cause,
    });
  }
}

/** A document of stored text. The type is the caller's word. */
export function storedDocument<T = JsonValue>(text: string): JsonDocument<T> {
  return new StoredDocument(text);
}

/** A document of a value, checked as every stored value is; `what` names it in messages. */
export function encodeDocument<T = JsonValue>(value: Storable, what: string): JsonDocument<T> {
  return new StoredDocument(encodeJson(value, what));
}
