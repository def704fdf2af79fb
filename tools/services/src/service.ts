/** The servers that can be asked for. */
export const serviceNames = [
  'postgres',
  'postgres-replica',
  'redis',
  'redis-sentinel',
  'redis-cluster',
  'minio',
  'seaweedfs',
  'mongo',
  'mongo-streams',
  'chroma',
  'qdrant',
  'qdrant-next',
  'pinecone',
] as const;

export type ServiceName = (typeof serviceNames)[number];

/**
 * How a server was had: by a URL that the user gave, from Docker, as a local install of the real thing, as another maker's engine
 * of the same protocol, as the vendor's engine behind a face of ours, as a stand-in, or not at all.
 */
export type ServiceOrigin = 'url' | 'docker' | 'local' | 'other-engine' | 'engine-only' | 'stand-in' | 'absent';

/** A server that is running. */
export interface Service {
  readonly name: ServiceName;
  /** For people: `PostgreSQL`, `MinIO`. */
  readonly server: string;
  readonly version: string;
  readonly how: Exclude<ServiceOrigin, 'absent'>;
  /**
   * `postgres://user:password@127.0.0.1:5432/database`, `redis://127.0.0.1:6379`, `http://access:secret@127.0.0.1:9000` (S3),
   * `mongodb://127.0.0.1:27017`, `http://127.0.0.1:6333` (Qdrant, Chroma, Pinecone). Of several nodes: the first.
   */
  readonly url: string;
  /** `host:port` of every node: a cluster's nodes, the sentinels of a Sentinel set-up. Else the one of `url`. */
  readonly nodes: readonly string[];
}

/** A server that is not to be had here. */
export interface AbsentService {
  readonly name: ServiceName;
  readonly server: string;
  readonly how: 'absent';
  /** Why, and what would mend it. */
  readonly why: string;
}

/** A service that others use too. Kept up until the last lease is released. */
export interface ServiceLease extends Service, AsyncDisposable {
  release(): Promise<void>;
}

/** A server of one's own, on a port and a folder that stay the same over its restarts. */
export interface OwnService extends Service, AsyncDisposable {
  /** Ends it in its own good time. */
  stop(): Promise<void>;
  /** Ends it at once, as a crash would (SIGKILL). */
  kill(): Promise<void>;
  /** Starts it again with the data that it has; resolves when it answers. */
  start(): Promise<void>;
}
