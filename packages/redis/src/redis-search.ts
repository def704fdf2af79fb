import type { CompiledFilter, WriteRow } from '@storage/backend-kit';
import type { FilterNode } from '@storage/core/filter';
import type { RedisArgument } from './redis-connection.ts';
import type { RedisEngine } from './redis-engine.ts';
import type { RedisField } from './redis-options.ts';

/** A filter as RediSearch reads it. */
export type RedisQuery = string;

/** Declared fields, indexed by RediSearch where the server has it. */
export class RedisSearch {
  readonly fields: readonly RedisField[];
  readonly fieldCount: number = 0;

  ready = false;

  constructor(fields: readonly RedisField[]) {
    this.fields = fields;
  }

  async open(_engine: RedisEngine): Promise<void> {
    this.ready = false;
  }

  fieldsOf(_ns: string, _row: WriteRow): readonly RedisArgument[] {
    return [];
  }

  compile(_filter: FilterNode): CompiledFilter<RedisQuery> {
    return { native: undefined, precision: 'superset' };
  }

  async find(_engine: RedisEngine, _ns: string, _query: RedisQuery, _limit: number): Promise<string[] | undefined> {
    return undefined;
  }
}
