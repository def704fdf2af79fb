export * from './evaluate.ts';
export * from './node.ts';
export * from './normal-form.ts';
export * from './parse.ts';
export * from './path.ts';
export * from './sort.ts';
export type * from './types.ts';
