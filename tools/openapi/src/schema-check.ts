import type { ErrorObject, ValidateFunction } from 'ajv';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { OpenApiDocument } from './documents.ts';
import { addFormats } from './formats.ts';
import { components, jsonSchema, type Reading } from './schemas.ts';

/** Holds values against the schemas of one document. */
export class SchemaCheck {
  readonly #reading: Reading;
  readonly #ajv = new Ajv2020({ strict: false, validateSchema: false, logger: false });
  // By the schema of the document itself: each is compiled once.
  readonly #compiled = new Map<unknown, ValidateFunction>();

  constructor(document: OpenApiDocument, named: boolean) {
    this.#reading = { base: document.vendor, named, overlapping: document.overlapping };
    addFormats(this.#ajv);
    this.#ajv.addSchema(components(document.schemas, this.#reading));
  }

  /** What is wrong with the value; `undefined`: nothing. */
  wrong(schema: unknown, value: unknown): string | undefined {
    const validate = this.compile(schema);
    return validate(value) ? undefined : describe(validate.errors ?? [], value);
  }

  compile(schema: unknown): ValidateFunction {
    const known = this.#compiled.get(schema);
    if (known !== undefined) return known;
    const translated = jsonSchema(schema, this.#reading);
    const made = this.#ajv.compile(typeof translated === 'object' && translated !== null ? translated : {});
    this.#compiled.set(schema, made);
    return made;
  }
}

const shown = 6;

// Where one of several forms was asked for, each has its complaints: those that came furthest into the value tell most.
function describe(errors: readonly ErrorObject[], value: unknown): string {
  const depth = (error: ErrorObject) => error.instancePath.split('/').length;
  const deepest = Math.max(...errors.map(depth));
  const said = errors.filter((error) => depth(error) === deepest).map((error) => sentence(error, value));
  const different = [...new Set(said)];
  return (
    different.slice(0, shown).join('; ') + (different.length > shown ? `; and ${different.length - shown} more` : '')
  );
}

function sentence(error: ErrorObject, value: unknown): string {
  const { unevaluatedProperty, additionalProperty, allowedValues } = error.params;
  const extra = unevaluatedProperty ?? additionalProperty ?? allowedValues;
  const told = extra === undefined ? '' : ` ${JSON.stringify(extra)}`;
  return `${error.instancePath || 'the whole'} ${error.message ?? error.keyword}${told}, it is ${excerpt(at(value, error.instancePath))}`;
}

function at(value: unknown, pointer: string): unknown {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce<unknown>(
      (inner, part) => (typeof inner === 'object' && inner !== null ? Reflect.get(inner, part) : undefined),
      value,
    );
}

function excerpt(value: unknown): string {
  const text = JSON.stringify(value) ?? 'missing';
  return text.length > 120 ? `${text.slice(0, 120)}…` : text;
}
