export * from './storage-manager.ts';
