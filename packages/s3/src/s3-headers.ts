import type { IncomingHttpHeaders } from 'node:http';
import type { InfoRow } from '@storage/backend-kit';

/** What a request sends beside the body. */
export type Headers = Record<string, string>;

const prefix = 'x-amz-meta-';
/** Kind, etag and times of a record, in one header: what is in it is ours. */
const ownHeader = `${prefix}storage`;
/** Members of the metadata that a header can't carry as they are: their JSON in base64. */
const jsonHeader = `${prefix}storage-json`;
/** Names and values together; servers refuse from 2,048 on. */
const headerBudget = 2048;
/** Other tools' headers that belong to the object, and stay over a `touch`. */
const keptHeaders = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
  'x-amz-storage-class',
];

/** Metadata as headers: text that a header can carry has one of its own, for other tools to read; the rest goes into one as JSON. */
function metadataHeaders(metadata: string, budget: number): Headers {
  if (metadata === '{}') return {};
  const plain: Headers = {};
  const rest: { [name: string]: unknown } = Object.create(null);
  let size = 0;
  let others = false;
  for (const [name, value] of Object.entries(JSON.parse(metadata) as object)) {
    // Case, underscores and runs of spaces do not survive every proxy and signature.
    const fits =
      typeof value === 'string' &&
      /^[a-z0-9][a-z0-9-]{0,60}$/.test(name) &&
      !name.startsWith('storage') &&
      /^[!-~]+(?: [!-~]+)*$/.test(value);
    if (fits) {
      plain[prefix + name] = value;
      size += prefix.length + name.length + value.length;
    } else {
      rest[name] = value;
      others = true;
    }
  }
  const encoded = others ? Buffer.from(JSON.stringify(rest)).toString('base64') : '';
  if (size + (others ? jsonHeader.length + encoded.length : 0) > budget)
    return { [jsonHeader]: Buffer.from(metadata).toString('base64') };
  return others ? { ...plain, [jsonHeader]: encoded } : plain;
}

/** A record's headers: what is known of it, its metadata and its content type. */
export function encodeInfo(row: Omit<InfoRow, 'key' | 'size' | 'createdAt'>): Headers {
  const { kind, etag, updatedAt, expiresAt, contentType, metadata } = row;
  const own = [
    '1',
    kind === 'json' ? 'j' : 'b',
    encodeURIComponent(etag),
    updatedAt.toString(36),
    expiresAt?.toString(36) ?? '-',
  ].join(' ');
  return {
    'content-type': contentType,
    [ownHeader]: own,
    ...metadataHeaders(metadata, headerBudget - ownHeader.length - own.length),
  };
}

/** What is known of an object: from our header, or, where another tool wrote it, from what every object has. */
export function decodeInfo(key: string, headers: IncomingHttpHeaders, size: number): InfoRow {
  const contentType = headers['content-type'] ?? 'application/octet-stream';
  const metadata = decodeMetadata(headers);
  const own = /^1 ([jb]) (\S+) ([0-9a-z]+) ([0-9a-z]+|-)$/.exec(headerOf(headers, ownHeader));
  if (own !== null) {
    const [, kind, etag = '', updatedAt = '', expiresAt = '-'] = own;
    return {
      key,
      kind: kind === 'j' ? 'json' : 'bytes',
      etag: decodeURIComponent(etag),
      createdAt: undefined,
      updatedAt: Number.parseInt(updatedAt, 36),
      expiresAt: expiresAt === '-' ? null : Number.parseInt(expiresAt, 36),
      size,
      contentType,
      metadata,
    };
  }
  const encoded = headers['content-encoding'] ?? 'identity';
  return {
    key,
    kind: isJson(contentType) && encoded === 'identity' ? 'json' : 'bytes',
    etag: `s3-${tagOf(headers).replaceAll('"', '')}`,
    createdAt: undefined,
    updatedAt: Date.parse(headers['last-modified'] ?? '') || 0,
    expiresAt: null,
    size,
    contentType,
    metadata,
  };
}

function isJson(contentType: string): boolean {
  return /^application\/([\w.-]+\+)?json\s*(;|$)/i.test(contentType);
}

function headerOf(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return typeof value === 'string' ? value : '';
}

function decodeMetadata(headers: IncomingHttpHeaders): string {
  const found: { [name: string]: unknown } = Object.create(null);
  let any = false;
  for (const [name, value] of Object.entries(headers)) {
    if (!name.startsWith(prefix) || name === ownHeader || name === jsonHeader) continue;
    found[name.slice(prefix.length)] = value;
    any = true;
  }
  const encoded = headerOf(headers, jsonHeader);
  if (encoded === '') return any ? JSON.stringify(found) : '{}';
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  // As text when nothing is to be joined: the kit parses it, and says `corrupt` of what is no JSON.
  return any ? `${JSON.stringify(found).slice(0, -1)},${text.slice(1)}` : text;
}

/** The server's ETag, in its quotes. */
export function tagOf(headers: IncomingHttpHeaders): string {
  return headers.etag ?? '';
}

/** Headers of an object that are neither ours nor its data's, for a rewrite that keeps them. */
export function keptOf(headers: IncomingHttpHeaders): Headers {
  const kept: Headers = {};
  for (const name of keptHeaders) {
    const value = headers[name];
    if (typeof value === 'string') kept[name] = value;
  }
  return kept;
}
