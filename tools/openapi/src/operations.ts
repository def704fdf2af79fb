import type { OpenApiDocument } from './documents.ts';
import { isObject, type JsonObject, textOf } from './json.ts';

/** A parameter of an operation; headers are named in lower case. */
export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header';
  readonly required: boolean;
  readonly schema: unknown;
}

/** What one side may send: schemas by content type, none for no body. */
export type Contents = ReadonlyMap<string, unknown>;

export interface Operation {
  readonly document: OpenApiDocument;
  /** Method and path as the document writes them, for example `GET /indexes/{index_name}`. */
  readonly name: string;
  readonly method: string;
  readonly parameters: readonly Parameter[];
  readonly body: Contents;
  readonly bodyRequired: boolean;
  /** By status: `200`, `4XX`, `default`. */
  readonly responses: ReadonlyMap<string, Contents>;
}

/** A path of a document. */
export interface Route {
  readonly document: OpenApiDocument;
  readonly path: string;
  readonly pattern: RegExp;
  readonly names: readonly string[];
  readonly operations: ReadonlyMap<string, Operation>;
}

const methods = ['get', 'put', 'post', 'delete', 'patch'];

/** The paths of a document; those with fewer parameters first, because they are meant where both fit. */
export function routes(document: OpenApiDocument): Route[] {
  return Object.entries(document.paths)
    .map(([path, item]) => route(document, path, isObject(item) ? item : {}))
    .sort((a, b) => a.names.length - b.names.length);
}

function route(document: OpenApiDocument, path: string, item: JsonObject): Route {
  const names: string[] = [];
  const pattern = path
    .split(/(\{[^}]+\})/)
    .map((part) => {
      if (!part.startsWith('{')) return part.replace(/[.*+?^$()|[\]\\]/g, '\\$&');
      names.push(part.slice(1, -1));
      return '([^/]+)';
    })
    .join('');
  const operations = methods.flatMap((method): [string, Operation][] => {
    const described = item[method];
    return isObject(described) ? [[method.toUpperCase(), operation(document, path, method, described)]] : [];
  });
  return { document, path, pattern: new RegExp(`^${pattern}$`), names, operations: new Map(operations) };
}

function operation(document: OpenApiDocument, path: string, method: string, described: JsonObject): Operation {
  const { parameters, requestBody, responses } = described;
  return {
    document,
    name: `${method.toUpperCase()} ${path}`,
    method: method.toUpperCase(),
    parameters: Array.isArray(parameters) ? parameters.map(parameter) : [],
    body: contents(requestBody),
    bodyRequired: isObject(requestBody) && requestBody['required'] === true,
    responses: new Map(
      Object.entries(isObject(responses) ? responses : {}).map(([status, answer]) => [status, contents(answer)]),
    ),
  };
}

function parameter(described: unknown): Parameter {
  const place = isObject(described) ? described['in'] : undefined;
  const name = isObject(described) ? textOf(described['name']) : undefined;
  if (!isObject(described) || name === undefined || (place !== 'path' && place !== 'query' && place !== 'header')) {
    throw new Error(`A parameter is not understood: ${JSON.stringify(described)}`);
  }
  return {
    name: place === 'header' ? name.toLowerCase() : name,
    in: place,
    required: described['required'] === true,
    schema: described['schema'],
  };
}

function contents(described: unknown): Contents {
  const content = isObject(described) ? described['content'] : undefined;
  if (!isObject(content)) return new Map();
  return new Map(Object.entries(content).map(([type, of]) => [type, isObject(of) ? of['schema'] : undefined]));
}
