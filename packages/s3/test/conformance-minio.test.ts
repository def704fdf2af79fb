import { onService } from '@storage/services/testing';
import { runKit } from './run-kit.ts';

await onService('minio', (service) => runKit(service, ['write', 'stream']));
