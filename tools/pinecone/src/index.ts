export type { Fault } from './faults.ts';
export { apiVersions, type StandIn, type StandInOptions, startStandIn } from './server.ts';
