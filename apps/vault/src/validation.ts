import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';

const number = /^-?\d+(?:\.\d+)?$/;

/** A query's texts as the numbers that the schema wants, where they are numbers. Everything else is left for the check to refuse. */
function readNumbers(
  query: { readonly [name: string]: unknown },
  names: readonly string[],
): { readonly [name: string]: unknown } {
  const found = names.filter((name) => {
    const text = query[name];
    return typeof text === 'string' && number.test(text);
  });
  return found.length === 0
    ? query
    : { ...query, ...Object.fromEntries(found.map((name) => [name, Number(query[name])])) };
}

function numberNames(schema: TSchema): readonly string[] {
  const { properties = {} } = schema as {
    readonly properties?: { readonly [name: string]: { readonly type?: unknown } };
  };
  return Object.entries(properties)
    .filter(([, { type }]) => type === 'integer' || type === 'number')
    .map(([name]) => name);
}

/** Checks the parts of a request as they are: nothing is converted but the numbers of a query. Headers are read where they matter. */
export const compileValidator: FastifySchemaCompiler<TSchema> = (route) => {
  if (route.httpPart === 'headers') return () => true;
  const check = TypeBoxValidatorCompiler({ ...route, httpPart: 'body' });
  if (route.httpPart !== 'querystring') return check;
  const names = numberNames(route.schema);
  return (query: { readonly [name: string]: unknown }) => check(readNumbers(query, names));
};
