import type { Dialect } from '../dialect.ts';
import { boundLimit, jsonText, type PageText, pageText, typed } from './statements.ts';

/** The SQL of agents' state. */
export interface StateTexts {
  /** Parameters: tenant, conversation. */
  readonly read: string;
  /** Parameters: data, updated, etag, tenant, conversation. No row is changed when there is no such conversation. */
  readonly put: string;
  /** As `put`, changing no row when there is a state. */
  readonly putAbsent: string;
  /** Parameters: data, updated, etag, tenant, conversation, the etag that must hold. */
  readonly putMatching: string;
  /** Parameters: tenant, conversation. */
  readonly remove: string;
  /** As `remove`, and behind it the etag that must hold. */
  readonly removeMatching: string;
}

export function stateTexts(dialect: Dialect): StateTexts {
  const text = dialect.placeholders;
  const insert = `INSERT INTO storage_states (tenant_id, conversation_id, data, updated_at, etag)
    SELECT tenant_id, id, ${typed(dialect, 'json')}, ${typed(dialect, 'integer')}, ${typed(dialect, 'text')}
    FROM storage_conversations WHERE tenant_id = ? AND id = ? ON CONFLICT (tenant_id, conversation_id)`;
  const remove = 'DELETE FROM storage_states WHERE tenant_id = ? AND conversation_id = ?';
  return {
    read: text(
      `SELECT ${jsonText(dialect, 'data')}, updated_at, etag FROM storage_states WHERE tenant_id = ? AND conversation_id = ?`,
    ),
    put: text(`${insert} DO UPDATE SET data = excluded.data, updated_at = excluded.updated_at, etag = excluded.etag`),
    putAbsent: text(`${insert} DO NOTHING`),
    putMatching: text(
      'UPDATE storage_states SET data = ?, updated_at = ?, etag = ? WHERE tenant_id = ? AND conversation_id = ? AND etag = ?',
    ),
    remove: text(remove),
    removeMatching: text(`${remove} AND etag = ?`),
  };
}

/** The SQL of artifacts. */
export interface ArtifactTexts {
  /** Parameters: id, name, type, path, size, created, metadata, etag, tenant, conversation. No row is changed when there is no such conversation. */
  readonly create: string;
  /** Parameters: tenant, id. */
  readonly read: string;
  list(page: PageText): string;
  /** Parameters: tenant, id. */
  readonly remove: string;
  /** As `remove`, and behind it the etag that must hold. */
  readonly removeMatching: string;
}

export function artifactTexts(dialect: Dialect): ArtifactTexts {
  const text = dialect.placeholders;
  const columns = `id, conversation_id, name, type, path, size, created_at, ${jsonText(dialect, 'metadata')}, etag`;
  const name = typed(dialect, 'text');
  const number = typed(dialect, 'integer');
  const remove = 'DELETE FROM storage_artifacts WHERE tenant_id = ? AND id = ?';
  return {
    create: text(`INSERT INTO storage_artifacts
      (tenant_id, conversation_id, id, name, type, path, size, created_at, metadata, etag)
      SELECT tenant_id, id, ${name}, ${name}, ${name}, ${name}, ${number}, ${number}, ${typed(dialect, 'json')}, ${name}
      FROM storage_conversations WHERE tenant_id = ? AND id = ?`),
    read: text(`SELECT ${columns} FROM storage_artifacts WHERE tenant_id = ? AND id = ?`),
    list: (page) => text(pageText('storage_artifacts', columns, 'created_at', page)),
    remove: text(remove),
    removeMatching: text(`${remove} AND etag = ?`),
  };
}

/** The SQL of metrics. */
export interface MetricTexts {
  /** Parameters: tenant, recorded, id, entity type, entity name, conversation, metric name, value, labels. */
  readonly record: string;
  page(page: PageText): string;
}

export function metricTexts(dialect: Dialect): MetricTexts {
  const text = dialect.placeholders;
  const columns = `id, entity_type, entity_name, conversation_id, metric_name, value, recorded_at, ${jsonText(dialect, 'labels')}`;
  return {
    record: text(`INSERT INTO storage_metrics
      (tenant_id, recorded_at, id, entity_type, entity_name, conversation_id, metric_name, value, labels)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    page: (page) => text(pageText('storage_metrics', columns, 'recorded_at', page)),
  };
}

/** The SQL of key-values. `now` decides what is expired. */
export interface KeyValueTexts {
  /** Parameters: tenant, key, now. */
  readonly read: string;
  /** Parameters: tenant, key, value, ttl, created, accessed, expires, etag. */
  readonly set: string;
  /** As `set`, and behind it now: changes no row when there is one that lives. */
  readonly setAbsent: string;
  /** Parameters: value, ttl, created, accessed, expires, etag, tenant, key, now, the etag that must hold. */
  readonly setMatching: string;
  /** Parameters: accessed, tenant, key, accessed. */
  readonly touch: string;
  /** Parameters: tenant, key, now. Removes only what lives. */
  readonly remove: string;
  /** As `remove`, and behind it the etag that must hold. */
  readonly removeMatching: string;
  /** Parameters: now, the most rows to remove. */
  readonly sweep: string;
}

export function keyValueTexts(dialect: Dialect): KeyValueTexts {
  const text = dialect.placeholders;
  const lives = '(expires_at IS NULL OR expires_at > ?)';
  const insert = `INSERT INTO storage_key_values (tenant_id, key, value, ttl_ms, created_at, accessed_at, expires_at, etag)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant_id, key) DO UPDATE SET value = excluded.value, ttl_ms = excluded.ttl_ms,
    created_at = excluded.created_at, accessed_at = excluded.accessed_at, expires_at = excluded.expires_at, etag = excluded.etag`;
  const remove = `DELETE FROM storage_key_values WHERE tenant_id = ? AND key = ? AND ${lives}`;
  return {
    read: text(
      `SELECT ${jsonText(dialect, 'value')}, ttl_ms, created_at, etag FROM storage_key_values WHERE tenant_id = ? AND key = ? AND ${lives}`,
    ),
    set: text(insert),
    setAbsent: text(`${insert} WHERE storage_key_values.expires_at <= ?`),
    setMatching:
      text(`UPDATE storage_key_values SET value = ?, ttl_ms = ?, created_at = ?, accessed_at = ?, expires_at = ?, etag = ?
      WHERE tenant_id = ? AND key = ? AND ${lives} AND etag = ?`),
    touch: text('UPDATE storage_key_values SET accessed_at = ? WHERE tenant_id = ? AND key = ? AND accessed_at < ?'),
    remove: text(remove),
    removeMatching: text(`${remove} AND etag = ?`),
    sweep: text(`DELETE FROM storage_key_values WHERE (tenant_id, key) IN
      (SELECT tenant_id, key FROM storage_key_values WHERE expires_at <= ? ${boundLimit})`),
  };
}
