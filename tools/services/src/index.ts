export { isRequired, type LeaseOptions, leaseService, startOwn, withServices } from './lease.ts';
export { createProxy, type Fault, type FaultProxy, type FaultProxyOptions } from './proxy.ts';
export { urlVariable } from './recipes.ts';
export {
  type AbsentService,
  type OwnService,
  type Service,
  type ServiceLease,
  type ServiceName,
  type ServiceOrigin,
  serviceNames,
} from './service.ts';
