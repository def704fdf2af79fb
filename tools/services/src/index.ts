export type { Service, ServiceName, ServiceOrigin } from './service.ts';
