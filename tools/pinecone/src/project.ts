import { controlRefusal, rpcRefusal } from './errors.ts';
import {
  type ConfigureInput,
  checkPodType,
  checkReadCapacity,
  type IndexSettings,
  type IndexSpec,
  isProtected,
  mergeTags,
} from './index-settings.ts';
import { type DataOptions, type IndexShape, VectorIndex } from './vector-index.ts';

export type IndexState = 'Initializing' | 'Ready' | 'Terminating';

interface Entry {
  settings: IndexSettings;
  readonly data: VectorIndex;
  readonly readyAt: number;
  goneAt: number | undefined;
}

/** What ends every index's host, as the vendor's hosts have the project's id. */
const hostSuffix = '-c01b5b5';

function shapeOf(settings: IndexSettings): IndexShape {
  const { name, vectorType, dimension = 0, metric, spec } = settings;
  const indexed = 'pod' in spec ? spec.pod.metadata_config?.indexed : namesOf(spec.serverless.schema?.fields);
  const indexedFields = indexed === undefined ? undefined : new Set(indexed);
  return { name, kind: 'pod' in spec ? 'pod' : 'serverless', vectorType, dimension, metric, indexedFields };
}

function namesOf(fields: object | undefined): readonly string[] | undefined {
  return fields === undefined ? undefined : Object.keys(fields);
}

function configuredSpec(spec: IndexSpec, change: NonNullable<ConfigureInput['spec']>): IndexSpec {
  if (change.pod !== undefined && 'pod' in spec) {
    const replicas = change.pod.replicas ?? spec.pod.replicas;
    const type = checkPodType(change.pod.pod_type ?? spec.pod.pod_type);
    if (replicas < 1) throw controlRefusal(400, 'INVALID_ARGUMENT', `replicas must be at least 1, got ${replicas}`);
    return { pod: { ...spec.pod, replicas, pod_type: type, pods: replicas * spec.pod.shards } };
  }
  if (change.serverless !== undefined && 'serverless' in spec) {
    checkReadCapacity(change.serverless.read_capacity);
    return spec;
  }
  throw controlRefusal(400, 'INVALID_ARGUMENT', 'The spec is of another kind of index');
}

/** The indexes of one project. */
export class Project {
  readonly #lifecycleDelayMs: number;
  readonly #options: DataOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(lifecycleDelayMs: number, options: DataOptions) {
    this.#lifecycleDelayMs = lifecycleDelayMs;
    this.#options = options;
  }

  create(settings: IndexSettings): IndexSettings {
    if (this.#find(settings.name) !== undefined) {
      throw controlRefusal(409, 'ALREADY_EXISTS', 'Resource already exists.');
    }
    const data = new VectorIndex(shapeOf(settings), this.#options);
    const readyAt = performance.now() + this.#lifecycleDelayMs;
    this.#entries.set(settings.name, { settings, data, readyAt, goneAt: undefined });
    return settings;
  }

  list(): readonly IndexSettings[] {
    const names = [...this.#entries.keys()].filter((name) => this.#find(name) !== undefined);
    return names.map((name) => this.#get(name).settings);
  }

  describe(name: string): IndexSettings {
    return this.#get(name).settings;
  }

  state(name: string): IndexState {
    const entry = this.#get(name);
    if (entry.goneAt !== undefined) return 'Terminating';
    return performance.now() < entry.readyAt ? 'Initializing' : 'Ready';
  }

  configure(name: string, input: ConfigureInput): IndexSettings {
    const entry = this.#get(name);
    if (input.embed !== undefined) throw controlRefusal(501, 'UNIMPLEMENTED', 'This stand-in has no embedding models');
    const { settings } = entry;
    const spec = input.spec === undefined ? settings.spec : configuredSpec(settings.spec, input.spec);
    const isKept = input.deletion_protection;
    entry.settings = {
      ...settings,
      spec,
      protected: isKept === undefined ? settings.protected : isProtected(isKept),
      tags: mergeTags(settings.tags, input.tags ?? {}),
    };
    return entry.settings;
  }

  /** Changes how the data of an index behave from now on. */
  set(name: string, options: Partial<DataOptions>): void {
    this.#get(name).data.set(options);
  }

  /** Accepts that an index be deleted. It is `Terminating` for a while; its name is taken as long. */
  delete(name: string): void {
    const entry = this.#get(name);
    if (entry.settings.protected) {
      const advice = 'Disable deletion protection before retrying.';
      throw controlRefusal(403, 'FORBIDDEN', `Deletion protection is enabled for this index. ${advice}`);
    }
    entry.goneAt ??= performance.now() + this.#lifecycleDelayMs;
  }

  host(name: string): string {
    return `${name}${hostSuffix}`;
  }

  /**
   * The data behind a host. The vendor's hosts are names that resolve once the index is ready, and no longer when it
   * is deleted; here both are answered as not found.
   */
  data(host: string): VectorIndex {
    const name = host.endsWith(hostSuffix) ? host.slice(0, -hostSuffix.length) : '';
    const entry = this.#find(name);
    if (entry === undefined || this.state(name) !== 'Ready') throw rpcRefusal(5, `Index ${name} not found`);
    return entry.data;
  }

  #find(name: string): Entry | undefined {
    const entry = this.#entries.get(name);
    if (entry?.goneAt === undefined || performance.now() < entry.goneAt) return entry;
    this.#entries.delete(name);
    return undefined;
  }

  #get(name: string): Entry {
    const entry = this.#find(name);
    if (entry === undefined) throw controlRefusal(404, 'NOT_FOUND', `Index ${name} not found.`);
    return entry;
  }
}
