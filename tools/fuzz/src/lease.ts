import { leaseService, type ServiceLease, type ServiceName } from '@storage/services';

/** A server as the tests have it. Throws where there is none. */
export async function lease(name: ServiceName): Promise<ServiceLease> {
  const found = await leaseService(name);
  if (found.how === 'absent') throw new Error(`${found.server} is absent here: ${found.why}`);
  return found;
}
