export * from './conversation-texts.ts';
export * from './document-texts.ts';
export * from './schema.ts';
export * from './statements.ts';
