export * from './async-coalescer.ts';
export * from './batch-parts.ts';
export * from './call.ts';
export * from './chunks.ts';
export * from './client.ts';
export type { LaneOptions } from './coalescer-lane.ts';
export { recordId } from './coalescer-member.ts';
export { type BackendContext, CallGuard, isPromise } from './context.ts';
export * from './cursor.ts';
export * from './filter-compiler.ts';
export * from './group-call.ts';
export * from './health.ts';
export * from './key-filter.ts';
export * from './key-layout.ts';
export * from './keyed-records.ts';
export * from './lifecycle.ts';
export { createMessaging, type MessagingDriver, MessagingFacade } from './messaging.ts';
export * from './option-checks.ts';
export * from './prefix.ts';
export type * from './record-driver.ts';
export * from './record-errors.ts';
export { createRecordStore, RecordStoreFacade } from './record-store.ts';
export * from './retry-after.ts';
export * from './subscription-queue.ts';
export * from './sync-coalescer.ts';
export * from './time-ranges.ts';
export * from './transactions.ts';
export * from './translate.ts';
export type * from './vector-driver.ts';
export { collectionMissing } from './vector-encode.ts';
export {
  createHybridSearch,
  type HybridDriver,
  type HybridFacade,
  type HybridInput,
  type HybridRequest,
} from './vector-hybrid.ts';
export { scoreOf } from './vector-scores.ts';
export { decodeSettings, encodeSettings, fieldsOf, isInstant } from './vector-settings.ts';
export { createVectorStore } from './vector-store.ts';
