export * from './code-blocks.ts';
export * from './stand-ins.ts';
