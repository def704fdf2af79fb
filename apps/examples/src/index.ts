export * from './code-blocks.ts';
