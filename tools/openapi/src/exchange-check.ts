import type { IncomingHttpHeaders } from 'node:http';
import { type OpenApiDocument, readDocument, type Vendor } from './documents.ts';
import { type Contents, type Operation, type Parameter, type Route, routes } from './operations.ts';
import { SchemaCheck } from './schema-check.ts';

/** Where something differs from the document. */
export type Part = 'path' | 'method' | 'query' | 'header' | 'request body' | 'response status' | 'response body';

/** Something that differs from the document. */
export interface Violation {
  readonly method: string;
  /** As the document writes it; as it was sent where no document knows it. */
  readonly path: string;
  readonly where: Part;
  readonly what: string;
}

export interface HttpMessage {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface HttpRequest extends HttpMessage {
  readonly method: string;
  /** Path and query, as they were sent. */
  readonly url: string;
}

export interface Checked {
  /** Missing where no document knows the request; its response is not checked then. */
  readonly operation?: Operation;
  readonly violations: readonly Violation[];
}

/** Where unknown members of objects are refused although the document leaves objects open. */
export type Named = 'requests' | 'both' | 'none';

interface Book {
  readonly routes: readonly Route[];
  readonly requests: SchemaCheck;
  readonly responses: SchemaCheck;
}

/** Holds requests and responses against the documents of one or several vendors. */
export class ExchangeCheck {
  readonly #books = new Map<OpenApiDocument, Book>();
  readonly #routes: readonly Route[];

  constructor(documents: readonly Vendor[], named: Named) {
    for (const document of documents.map(readDocument)) {
      const requests = new SchemaCheck(document, named !== 'none');
      const responses = new SchemaCheck(document, named === 'both');
      this.#books.set(document, { routes: routes(document), requests, responses });
    }
    this.#routes = [...this.#books.values()].flatMap((book) => book.routes);
  }

  request(request: HttpRequest): Checked {
    const { method } = request;
    const [path = '', query = ''] = split(request.url, '?');
    const fitting = this.#routes.filter(({ pattern }) => pattern.test(path));
    if (fitting.length === 0) return { violations: [{ method, path, where: 'path', what: 'no document knows it' }] };
    const route = fitting.find(({ operations }) => operations.has(method));
    const operation = route?.operations.get(method);
    if (route === undefined || operation === undefined) {
      const known = fitting.flatMap(({ operations }) => [...operations.keys()]).join(', ');
      const violation: Violation = {
        method,
        path: fitting[0]?.path ?? path,
        where: 'method',
        what: `known are ${known}`,
      };
      return { violations: [violation] };
    }
    const check = this.#book(operation).requests;
    const violations = [
      ...pathViolations(route, path, operation, check),
      ...queryViolations(new URLSearchParams(query), operation, check),
      ...headerViolations(request, operation, check),
      ...bodyViolations(request, operation, check),
    ];
    return { operation, violations: violations.map(([where, what]) => told(operation, where, what)) };
  }

  response(operation: Operation, status: number, response: HttpMessage): readonly Violation[] {
    const { responses } = operation;
    const range = `${Math.floor(status / 100)}XX`;
    const contents = responses.get(String(status)) ?? responses.get(range) ?? responses.get('default');
    if (contents === undefined) return [told(operation, 'response status', `${status} is not in the document`)];
    // An empty content of the document says nothing about what else may come.
    if (contents.size === 0 || response.body.length === 0) {
      const missing = contents.size > 0 && response.body.length === 0;
      return missing ? [told(operation, 'response body', `${status} came without a body`)] : [];
    }
    const what = wrongContent(response, contents, this.#book(operation).responses);
    return what === undefined ? [] : [told(operation, 'response body', `${status}: ${what}`)];
  }

  #book(operation: Operation): Book {
    const book = this.#books.get(operation.document);
    if (book === undefined) throw new Error(`${operation.name} is of none of the documents.`);
    return book;
  }
}

type Finding = readonly [Part, string];

const told = (operation: Operation, where: Part, what: string): Violation => ({
  method: operation.method,
  path: operation.name.slice(operation.method.length + 1),
  where,
  what,
});

function pathViolations(route: Route, path: string, operation: Operation, check: SchemaCheck): Finding[] {
  const values = route.pattern.exec(path)?.slice(1) ?? [];
  return operation.parameters
    .filter((parameter) => parameter.in === 'path')
    .flatMap((parameter): Finding[] => {
      const value = values[route.names.indexOf(parameter.name)];
      const text = value === undefined ? undefined : decoded(value);
      if (text === undefined) return [['path', `${parameter.name} is ${value}, which is no percent-encoding`]];
      const what = wrongText(parameter, [text], check);
      return what === undefined ? [] : [['path', what]];
    });
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

function queryViolations(query: URLSearchParams, operation: Operation, check: SchemaCheck): Finding[] {
  const known = new Map(operation.parameters.filter((one) => one.in === 'query').map((one) => [one.name, one]));
  const sent = [...new Set(query.keys())];
  const unknown = sent
    .filter((name) => !known.has(name))
    .map((name): Finding => ['query', `${name} is not in the document`]);
  const wrong = [...known.values()].flatMap((parameter): Finding[] => {
    const what = wrongText(parameter, query.getAll(parameter.name), check);
    return what === undefined ? [] : [['query', what]];
  });
  return [...unknown, ...wrong];
}

function headerViolations({ headers }: HttpMessage, operation: Operation, check: SchemaCheck): Finding[] {
  const { versionHeader, version } = operation.document;
  const wrong = operation.parameters
    .filter((parameter) => parameter.in === 'header')
    .flatMap((parameter): Finding[] => {
      const what = wrongText(parameter, [headers[parameter.name] ?? []].flat(), check);
      return what === undefined ? [] : [['header', what]];
    });
  const sent = versionHeader === undefined ? undefined : headers[versionHeader];
  if (sent !== undefined && sent !== version) wrong.push(['header', `${versionHeader} is ${sent}, not ${version}`]);
  return wrong;
}

function bodyViolations(request: HttpRequest, operation: Operation, check: SchemaCheck): Finding[] {
  if (request.body.length === 0) return operation.bodyRequired ? [['request body', 'it is missing']] : [];
  if (operation.body.size === 0) return [['request body', 'the document knows none']];
  const what = wrongContent(request, operation.body, check);
  return what === undefined ? [] : [['request body', what]];
}

/** A parameter's texts: each may stand for a text, a number or a boolean. */
function wrongText(
  { name, schema, required }: Parameter,
  texts: readonly string[],
  check: SchemaCheck,
): string | undefined {
  if (texts.length === 0) return required ? `${name} is missing` : undefined;
  const validate = check.compile(schema);
  const [text = ''] = texts;
  const meanings: unknown[] = [texts, ...(texts.length === 1 ? [text, ...otherMeanings(text)] : [])];
  return meanings.some((meaning) => validate(meaning))
    ? undefined
    : `${name} is ${texts.join(', ')}: ${check.wrong(schema, text)}`;
}

function otherMeanings(text: string): unknown[] {
  if (text === 'true' || text === 'false') return [text === 'true'];
  return /^-?\d+(\.\d+)?$/.test(text) ? [Number(text)] : [];
}

function wrongContent({ headers, body }: HttpMessage, contents: Contents, check: SchemaCheck): string | undefined {
  const type =
    String(headers['content-type'] ?? 'missing')
      .split(';')[0]
      ?.trim()
      .toLowerCase() ?? '';
  if (!contents.has(type)) return `the content type is ${type}, the document knows ${[...contents.keys()].join(', ')}`;
  if (type !== 'application/json' && type !== 'application/x-ndjson') return undefined;
  const schema = contents.get(type);
  const texts =
    type === 'application/json' ? [body.toString('utf8')] : body.toString('utf8').split('\n').filter(Boolean);
  for (const text of texts) {
    const what = wrongJson(text, schema, check);
    if (what !== undefined) return what;
  }
  return undefined;
}

function wrongJson(text: string, schema: unknown, check: SchemaCheck): string | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return `it is no JSON: ${error}`;
  }
  return check.wrong(schema, value);
}

const split = (text: string, mark: string): readonly [string, string] => {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + mark.length)];
};
