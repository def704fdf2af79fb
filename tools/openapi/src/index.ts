export { type CheckedProxy, type CheckedProxyOptions, type MetViolation, startCheckedProxy } from './checked-proxy.ts';
export type { Vendor } from './documents.ts';
export type { Named, Part, Violation } from './exchange-check.ts';
