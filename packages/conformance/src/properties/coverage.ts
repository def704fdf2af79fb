import { splitPath, valueAt } from '@storage/core/filter';
import { type Operator, operators } from './arbitraries.ts';

/** What a value is to a filter. */
const shapes = [
  'missing',
  'null',
  'empty array',
  'boolean',
  'number',
  'string',
  'array of one',
  'array',
  'array with others',
  'object',
] as const;
export type Shape = (typeof shapes)[number];

function shapeOf(value: unknown): Shape {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) {
    if (value.length === 0) return 'empty array';
    if (value.some((item) => typeof item === 'object')) return 'array with others';
    return value.length === 1 ? 'array of one' : 'array';
  }
  return typeof value as 'boolean' | 'number' | 'string' | 'object';
}

/** Each operator of a filter with the path that it is asked of. `$not` of operators counts as one; an implicit `$eq` as `$eq`. */
function operatorsOf(filter: object): [Operator, string][] {
  const found: [Operator, string][] = [];
  for (const [name, operand] of Object.entries(filter)) {
    if (name === '$and' || name === '$or') for (const part of operand as object[]) found.push(...operatorsOf(part));
    else if (name === '$not') {
      const inner = operatorsOf(operand as object);
      found.push(...inner, ...inner.map(([, path]): [Operator, string] => ['$not', path]));
    } else if (typeof operand === 'object' && operand !== null) found.push(...fieldOperators(operand, name));
    else found.push(['$eq', name]);
  }
  return found;
}

function fieldOperators(conditions: object, path: string): [Operator, string][] {
  return Object.entries(conditions).flatMap(([operator, operand]): [Operator, string][] => {
    const self: [Operator, string] = [operator as Operator, path];
    return operator === '$not' ? [self, ...fieldOperators(operand as object, path)] : [self];
  });
}

/** Counts which operator met which shape of value, and how many filters matched some but not all. */
export class Coverage {
  readonly #met = new Map<string, number>();
  filters = 0;
  /** Filters that matched neither none nor all. */
  telling = 0;

  /** A filter was run over the documents, of which `matched` matched. A pair counts once a filter. */
  add(filter: object, documents: readonly unknown[], matched: number): void {
    this.filters++;
    if (matched > 0 && matched < documents.length) this.telling++;
    const pairs = new Set<string>();
    for (const [operator, path] of operatorsOf(filter)) {
      const keys = splitPath(path);
      const seen = new Set<Shape>();
      for (const document of documents) {
        seen.add(shapeOf(valueAt(document, keys)));
        if (seen.size === shapes.length) break;
      }
      for (const shape of seen) pairs.add(`${operator} ${shape}`);
    }
    for (const pair of pairs) this.#met.set(pair, (this.#met.get(pair) ?? 0) + 1);
  }

  count(operator: Operator, shape: Shape): number {
    return this.#met.get(`${operator} ${shape}`) ?? 0;
  }

  /** What falls short: pairs met less than `times`, and fewer telling filters than `share` of all. */
  shortfalls(times: number, share: number): string[] {
    const rare = operators.flatMap((operator) =>
      shapes
        .filter((shape) => this.count(operator, shape) < times)
        .map((shape) => `${operator} met ${shape} ${this.count(operator, shape)} times, fewer than ${times}`),
    );
    const wanted = Math.ceil(this.filters * share);
    return this.telling >= wanted
      ? rare
      : [...rare, `${this.telling} of ${this.filters} filters matched neither none nor all, fewer than ${wanted}`];
  }

  /** A table of operators by shapes. */
  toString(): string {
    const widths = shapes.map((shape) => Math.max(shape.length, 7));
    const rows = operators.map((operator) =>
      [
        operator.padEnd(12),
        ...shapes.map((shape, index) => String(this.count(operator, shape)).padStart(widths[index] ?? 0)),
      ].join('  '),
    );
    const head = ['operator'.padEnd(12), ...shapes.map((shape, index) => shape.padStart(widths[index] ?? 0))].join(
      '  ',
    );
    return [head, ...rows, `${this.telling} of ${this.filters} filters matched neither none nor all`].join('\n');
  }
}
