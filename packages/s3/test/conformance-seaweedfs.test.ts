import { onService } from '@storage/services/testing';
import { runKit } from './run-kit.ts';

await onService('seaweedfs', (service) => runKit(service, ['write', 'delete']));
