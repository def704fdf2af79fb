import type { CallOptions, Page, PageOptions } from './call.ts';
import type { Filter } from './filter/types.ts';
import type { JsonObject, MetadataInput } from './json.ts';

/** Provisional: this contract may change until Neo4j and SQL carry it. */

/** A node: unique by label and id. */
export interface NodeReference {
  /** 1 to 64 of letters, digits and `_`, beginning with a letter. */
  readonly label: string;
  /** Legal as a record's key. */
  readonly id: string;
}

export interface GraphNode extends NodeReference {
  readonly properties: JsonObject;
}

export interface GraphNodeInput extends NodeReference {
  /** Missing: `{}`. Replaces what was there. */
  readonly properties?: MetadataInput | undefined;
}

/** A directed edge: unique by its ends and type. */
export interface GraphEdge {
  readonly from: NodeReference;
  readonly to: NodeReference;
  /** As a label. */
  readonly type: string;
  readonly properties: JsonObject;
}

export interface GraphEdgeInput extends Omit<GraphEdge, 'properties'> {
  readonly properties?: MetadataInput | undefined;
}

export interface NeighbourQuery {
  /** Missing: every type. */
  readonly types?: readonly string[] | undefined;
  /** Missing: `both`. */
  readonly direction?: 'out' | 'in' | 'both' | undefined;
  /** How many edges away at most, 1 to `capabilities.graph.maxDepth`. Missing: 1. */
  readonly depth?: number | undefined;
  /** Missing: 100. */
  readonly limit?: number | undefined;
}

export interface Neighbour {
  readonly node: GraphNode;
  /** Edges of the shortest way. */
  readonly distance: number;
  /** Types along that way, from the start. */
  readonly types: readonly string[];
}

export interface GraphPath {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
}

export interface PathQuery {
  readonly types?: readonly string[] | undefined;
  readonly direction?: 'out' | 'in' | 'both' | undefined;
  readonly maxDepth?: number | undefined;
  /** `true`: the shortest ways only. */
  readonly shortest?: boolean | undefined;
  readonly limit?: number | undefined;
}

export interface NodeQuery extends PageOptions {
  /** Paths start in the properties. */
  readonly filter?: Filter | undefined;
}

/** A property graph. */
export interface GraphStore {
  upsertNodes(nodes: Iterable<GraphNodeInput>, options?: CallOptions): Promise<void>;
  /** Both ends must be there, else `not_found` and nothing is stored. */
  upsertEdges(edges: Iterable<GraphEdgeInput>, options?: CallOptions): Promise<void>;
  getNode(node: NodeReference, options?: CallOptions): Promise<GraphNode | undefined>;
  /** With their edges; answers how many nodes were there. */
  deleteNodes(nodes: Iterable<NodeReference>, options?: CallOptions): Promise<number>;
  deleteEdges(edges: Iterable<Omit<GraphEdge, 'properties'>>, options?: CallOptions): Promise<number>;
  /** Nodes of a label, by id in code point order. */
  find(label: string, query?: NodeQuery): Promise<Page<GraphNode>>;
  /** Nodes around one, nearest first, then by label and id; the start is not among them. */
  neighbours(node: NodeReference, query?: NeighbourQuery, options?: CallOptions): Promise<readonly Neighbour[]>;
  /** Ways without a repeated node, shortest first. */
  paths(
    from: NodeReference,
    to: NodeReference,
    query?: PathQuery,
    options?: CallOptions,
  ): Promise<readonly GraphPath[]>;
  count(label?: string, options?: CallOptions): Promise<number>;
  namespace(name: string): GraphStore;
}
