import { controlRefusal, type Refusal } from './errors.ts';
import type { MetadataSchema } from './namespace.ts';
import type { Metric } from './record-table.ts';

interface ServerlessInput {
  readonly cloud: string;
  readonly region: string;
  readonly read_capacity?: { readonly mode: string };
  readonly source_collection?: string;
  readonly schema?: MetadataSchema;
}

interface PodInput {
  readonly environment: string;
  readonly replicas?: number;
  readonly shards?: number;
  readonly pod_type: string;
  readonly pods?: number;
  readonly metadata_config?: { readonly indexed?: readonly string[] };
  readonly source_collection?: string;
}

export interface CreateInput {
  readonly name: string;
  readonly dimension?: number;
  readonly metric?: string;
  readonly deletion_protection?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly spec: { readonly serverless?: ServerlessInput; readonly pod?: PodInput; readonly byoc?: object };
  readonly vector_type?: string;
}

export interface ConfigureInput {
  readonly spec?: {
    readonly serverless?: { readonly read_capacity?: { readonly mode: string } };
    readonly pod?: { readonly replicas?: number; readonly pod_type?: string };
    readonly byoc?: object;
  };
  readonly deletion_protection?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly embed?: object;
}

export type IndexSpec =
  | { readonly serverless: Pick<ServerlessInput, 'cloud' | 'region' | 'schema'> }
  | {
      readonly pod: Required<Omit<PodInput, 'metadata_config' | 'source_collection'>> &
        Pick<PodInput, 'metadata_config'>;
    };

/** An index as it was asked for, its defaults filled in. */
export interface IndexSettings {
  readonly name: string;
  readonly vectorType: 'dense' | 'sparse';
  readonly dimension: number | undefined;
  readonly metric: Metric;
  readonly protected: boolean;
  readonly tags: Readonly<Record<string, string>>;
  readonly spec: IndexSpec;
}

/** https://docs.pinecone.io/reference/api/2026-04/control-plane/create_index, "Cloud regions" */
const regions: Readonly<Record<string, readonly string[]>> = {
  aws: ['us-east-1', 'us-west-2', 'eu-west-1', 'eu-central-1'],
  gcp: ['us-central1', 'europe-west4'],
  azure: ['eastus2'],
};

/** https://docs.pinecone.io/guides/indexes/pods/understanding-pod-based-indexes#pod-environments */
const environments: readonly string[] = [
  'us-west1-gcp',
  'us-central1-gcp',
  'us-west4-gcp',
  'us-east4-gcp',
  'us-east1-gcp',
  'northamerica-northeast1-gcp',
  'asia-northeast1-gcp',
  'asia-southeast1-gcp',
  'eu-west1-gcp',
  'eu-west4-gcp',
  'us-east-1-aws',
  'eastus-azure',
];

const metrics: readonly string[] = ['cosine', 'euclidean', 'dotproduct'];
const podType = /^(s1|p1|p2)\.(x1|x2|x4|x8)$/;
const nameShape = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
const maxName = 45;
const maxDimension = 20_000;

function invalid(message: string): Refusal {
  return controlRefusal(400, 'INVALID_ARGUMENT', message);
}

function isMetric(metric: string): metric is Metric {
  return metrics.includes(metric);
}

function checkName(name: string): void {
  if (name.length < 1 || name.length > maxName)
    throw invalid(`Name must be 1-${maxName} characters long, got ${name.length}`);
  if (!nameShape.test(name)) {
    throw invalid(
      "Name must start and end with an alphanumeric character, and consist only of lower case alphanumeric characters or '-'",
    );
  }
}

function checkPositive(what: string, count: number): number {
  if (count < 1) throw invalid(`${what} must be at least 1, got ${count}`);
  return count;
}

/** The rules of schema `IndexTags`. An empty value unsets its key. */
export function mergeTags(
  old: Readonly<Record<string, string>>,
  set: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  for (const [key, value] of Object.entries(set)) {
    if (!/^[A-Za-z0-9_-]{1,80}$/.test(key)) throw invalid(`Tag key '${key}' is invalid`);
    if (!/^[A-Za-z0-9;@_.+ -]{0,120}$/.test(value)) throw invalid(`Tag value '${value}' is invalid`);
  }
  return Object.fromEntries(Object.entries({ ...old, ...set }).filter(([, value]) => value !== ''));
}

export function isProtected(setting: string): boolean {
  if (setting !== 'enabled' && setting !== 'disabled') {
    throw invalid(`deletion_protection must be 'enabled' or 'disabled', got '${setting}'`);
  }
  return setting === 'enabled';
}

export function checkPodType(type: string): string {
  if (!podType.test(type)) throw invalid(`pod_type '${type}' is invalid`);
  return type;
}

export function checkReadCapacity(capacity: { readonly mode: string } | undefined): void {
  if (capacity !== undefined && capacity.mode !== 'OnDemand') {
    throw controlRefusal(501, 'UNIMPLEMENTED', 'This stand-in has no dedicated read nodes');
  }
}

function serverlessSpec(input: ServerlessInput): IndexSpec {
  const { cloud, region, schema } = input;
  if (!(Object.hasOwn(regions, cloud) && regions[cloud]?.includes(region))) {
    throw controlRefusal(404, 'NOT_FOUND', `Resource cloud: ${cloud} region: ${region} not found.`);
  }
  checkReadCapacity(input.read_capacity);
  for (const [field, { filterable }] of Object.entries(schema?.fields ?? {})) {
    if (filterable !== true) throw invalid(`Only filterable: true is supported, got another for field '${field}'`);
  }
  return { serverless: { cloud, region, ...(schema === undefined ? {} : { schema }) } };
}

function podSpec(input: PodInput): IndexSpec {
  const { environment, metadata_config: config } = input;
  if (!environments.includes(environment)) {
    throw controlRefusal(404, 'NOT_FOUND', `Resource environment: ${environment} not found.`);
  }
  const replicas = checkPositive('replicas', input.replicas ?? 1);
  const shards = checkPositive('shards', input.shards ?? 1);
  const pods = input.pods ?? replicas * shards;
  if (pods !== replicas * shards) throw invalid(`pods must equal shards x replicas, ${shards * replicas}, got ${pods}`);
  const type = checkPodType(input.pod_type);
  return {
    pod: {
      environment,
      pod_type: type,
      replicas,
      shards,
      pods,
      ...(config === undefined ? {} : { metadata_config: config }),
    },
  };
}

function specOf(input: CreateInput): IndexSpec {
  const { serverless, pod } = input.spec;
  const collection = serverless?.source_collection ?? pod?.source_collection;
  if (collection !== undefined) throw controlRefusal(404, 'NOT_FOUND', `Resource ${collection} not found`);
  if (serverless !== undefined) return serverlessSpec(serverless);
  if (pod !== undefined) return podSpec(pod);
  throw controlRefusal(501, 'UNIMPLEMENTED', 'This stand-in has no BYOC indexes');
}

/** Checks what an index is asked to be. */
export function indexSettings(input: CreateInput): IndexSettings {
  const { name, dimension, vector_type: vectorType = 'dense' } = input;
  checkName(name);
  if (vectorType !== 'dense' && vectorType !== 'sparse') throw invalid(`vector_type '${vectorType}' is invalid`);
  const metric = input.metric ?? (vectorType === 'sparse' ? 'dotproduct' : 'cosine');
  if (!isMetric(metric)) throw invalid(`metric must be one of ${metrics.join(', ')}, got '${metric}'`);
  if (vectorType === 'sparse') {
    if (dimension !== undefined) throw invalid('Sparse indexes must not have a dimension');
    if (metric !== 'dotproduct') throw invalid("Sparse indexes must have the metric 'dotproduct'");
    if (input.spec.pod !== undefined) throw invalid('Pod indexes must have vector_type dense');
  } else if (dimension === undefined || dimension < 1 || dimension > maxDimension) {
    throw invalid(`Dimension must be from 1 to ${maxDimension}, got ${dimension}`);
  }
  return {
    name,
    vectorType,
    dimension,
    metric,
    protected: isProtected(input.deletion_protection ?? 'disabled'),
    tags: mergeTags({}, input.tags ?? {}),
    spec: specOf(input),
  };
}
