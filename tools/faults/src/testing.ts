export { type CrowdBatch, crowd, inTwoProcesses } from './at-once.ts';
export { type KillLoad, killFaults, type ProxyLoad, proxyFaults } from './load-faults.ts';
export { requestFaults } from './request-faults.ts';
export { type FaultBackend, type FaultSubject, ownServer, recovered } from './subject.ts';
