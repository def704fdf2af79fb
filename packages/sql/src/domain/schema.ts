import type { Dialect } from '../dialect.ts';
import type { SchemaPart } from '../migrations.ts';

/** The tables of the domain stores. Every key begins with the tenant, so that no tenant can take or see an id of another. */
function firstTables(dialect: Dialect): readonly string[] {
  const { text, json, integer, double } = dialect;
  return [
    `CREATE TABLE storage_conversations (
      tenant_id ${text} NOT NULL,
      id ${text} NOT NULL,
      agent_name ${text},
      user_id ${text},
      status ${text} NOT NULL,
      created_at ${integer} NOT NULL,
      updated_at ${integer} NOT NULL,
      metadata ${json} NOT NULL,
      etag ${text} NOT NULL,
      last_sequence ${integer} NOT NULL DEFAULT 0,
      PRIMARY KEY (tenant_id, id)
    )`,
    'CREATE INDEX storage_conversations_by_time ON storage_conversations (tenant_id, created_at, id)',
    'CREATE INDEX storage_conversations_by_agent ON storage_conversations (tenant_id, agent_name, created_at, id)',
    'CREATE INDEX storage_conversations_by_user ON storage_conversations (tenant_id, user_id, created_at, id)',
    `CREATE TABLE storage_messages (
      tenant_id ${text} NOT NULL,
      conversation_id ${text} NOT NULL,
      sequence ${integer} NOT NULL,
      id ${text} NOT NULL,
      role ${text} NOT NULL,
      content ${json} NOT NULL,
      created_at ${integer} NOT NULL,
      metadata ${json} NOT NULL,
      PRIMARY KEY (tenant_id, conversation_id, sequence)
    )`,
    `CREATE TABLE storage_states (
      tenant_id ${text} NOT NULL,
      conversation_id ${text} NOT NULL,
      data ${json} NOT NULL,
      updated_at ${integer} NOT NULL,
      etag ${text} NOT NULL,
      PRIMARY KEY (tenant_id, conversation_id)
    )`,
    `CREATE TABLE storage_artifacts (
      tenant_id ${text} NOT NULL,
      id ${text} NOT NULL,
      conversation_id ${text} NOT NULL,
      name ${text} NOT NULL,
      type ${text} NOT NULL,
      path ${text} NOT NULL,
      size ${integer} NOT NULL,
      created_at ${integer} NOT NULL,
      metadata ${json} NOT NULL,
      etag ${text} NOT NULL,
      PRIMARY KEY (tenant_id, id)
    )`,
    'CREATE INDEX storage_artifacts_by_conversation ON storage_artifacts (tenant_id, conversation_id, created_at, id)',
    `CREATE TABLE storage_metrics (
      tenant_id ${text} NOT NULL,
      recorded_at ${integer} NOT NULL,
      id ${text} NOT NULL,
      entity_type ${text} NOT NULL,
      entity_name ${text} NOT NULL,
      conversation_id ${text},
      metric_name ${text} NOT NULL,
      value ${double} NOT NULL,
      labels ${json} NOT NULL,
      PRIMARY KEY (tenant_id, recorded_at, id)
    )`,
    'CREATE INDEX storage_metrics_by_entity ON storage_metrics (tenant_id, entity_name, metric_name, recorded_at, id)',
    `CREATE INDEX storage_metrics_by_conversation ON storage_metrics (tenant_id, conversation_id, recorded_at, id)
      WHERE conversation_id IS NOT NULL`,
    `CREATE TABLE storage_key_values (
      tenant_id ${text} NOT NULL,
      key ${text} NOT NULL,
      value ${json} NOT NULL,
      ttl_ms ${integer},
      created_at ${integer} NOT NULL,
      accessed_at ${integer} NOT NULL,
      expires_at ${integer},
      etag ${text} NOT NULL,
      PRIMARY KEY (tenant_id, key)
    )`,
    'CREATE INDEX storage_key_values_by_expiry ON storage_key_values (expires_at) WHERE expires_at IS NOT NULL',
  ];
}

/** The schema of the domain stores. */
export const domainSchema: SchemaPart = {
  name: 'domain',
  migrations: [{ version: 1, statements: firstTables }],
};
