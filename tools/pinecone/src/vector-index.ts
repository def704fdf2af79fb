import { rpcRefusal } from './errors.ts';
import { compileFilter, type Matcher } from './filter.ts';
import { Namespace } from './namespace.ts';
import { namespaceName } from './record-rules.ts';
import type { Metric } from './record-table.ts';

/** What the data plane must know of an index. */
export interface IndexShape {
  readonly name: string;
  readonly kind: 'serverless' | 'pod';
  readonly vectorType: 'dense' | 'sparse';
  /** 0 of an index of sparse vectors. */
  readonly dimension: number;
  readonly metric: Metric;
  /** The fields that are indexed in every namespace without a schema of its own; missing: all. */
  readonly indexedFields: ReadonlySet<string> | undefined;
}

/** What the vendor leaves open. */
export interface DataOptions {
  readonly consistencyDelayMs: number;
  readonly negationMatchesMissing: boolean;
}

/** The data of one index. */
export class VectorIndex {
  readonly shape: IndexShape;
  #options: DataOptions;
  readonly #namespaces = new Map<string, Namespace>();

  constructor(shape: IndexShape, options: DataOptions) {
    this.shape = shape;
    this.#options = options;
  }

  /** Changes how the data of this index behave from now on. */
  set(options: Partial<DataOptions>): void {
    this.#options = { ...this.#options, ...options };
  }

  /** A namespace, made if this is the first time it is heard of (not yet to be seen by reads, though). */
  namespace(requested: string | undefined): Namespace {
    const name = namespaceName(requested);
    let namespace = this.#namespaces.get(name);
    if (namespace === undefined) {
      const { dimension, metric } = this.shape;
      namespace = new Namespace(name, dimension, metric, () => this.#options.consistencyDelayMs);
      this.#namespaces.set(name, namespace);
    }
    return namespace;
  }

  /**
   * A namespace to write to that only an upsert would make. Of serverless indexes a missing one is refused, as users
   * have seen of deletes: `{"code":5,"message":"Namespace not found","details":[]}`.
   */
  existing(requested: string | undefined): Namespace {
    const namespace = this.namespace(requested);
    if (!namespace.accepted && this.shape.kind === 'serverless') throw rpcRefusal(5, 'Namespace not found');
    return namespace;
  }

  /** The namespaces that reads see, in the order of their names' bytes. */
  visible(): readonly Namespace[] {
    return [...this.#namespaces.values()]
      .filter((namespace) => namespace.read() !== undefined)
      .sort((left, right) => (left.name < right.name ? -1 : 1));
  }

  /** The fields that filters see in a namespace; missing: all. */
  indexedFields(namespace: Namespace): ReadonlySet<string> | undefined {
    return namespace.schema === undefined ? this.shape.indexedFields : new Set(Object.keys(namespace.schema.fields));
  }

  compile(filter: unknown, namespace: Namespace): Matcher {
    const { negationMatchesMissing } = this.#options;
    return compileFilter(filter, { negationMatchesMissing, indexedFields: this.indexedFields(namespace) });
  }
}
