export * from './across.ts';
export * from './define-provider.ts';
export { block, forAgent, grant, isAllowed, revoke, unblock } from './permissions.ts';
export * from './placement.ts';
export * from './store-all.ts';
export * from './usage.ts';
export * from './with-storage.ts';
