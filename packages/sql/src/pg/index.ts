export * from './connection.ts';
export * from './errors.ts';
export * from './pool.ts';
export * from './schema.ts';
export * from './session.ts';
export * from './statement-names.ts';
