import { describe, expect, test } from '@jest/globals';
import { isStorageError } from '@storage/core';
import {
  checkConditions,
  checkConversationChange,
  checkConversationQuery,
  checkLimit,
  checkMetricQuery,
  domainContext,
  encodeDocument,
  newArtifact,
  newConversation,
  newKeyValueEntry,
  newMessage,
  newMetricPoint,
  storedDocument,
} from './index.ts';

const now = Date.parse('2026-01-02T03:04:05.006Z');
let ids = 0;
const context = domainContext({ clock: () => now, newId: () => `${++ids}` });

/** The code of what is thrown, and the path that it names. */
function refusal(run: () => unknown): { readonly code: string; readonly path: unknown } {
  try {
    run();
  } catch (error) {
    if (isStorageError(error)) return { code: error.code, path: error.details?.['path'] };
    throw error;
  }
  throw new Error('Nothing was refused.');
}

describe('a document', () => {
  test('is parsed on first use, once', () => {
    const document = storedDocument<{ a: number[] }>('{"a":[1]}');
    expect(document.text).toBe('{"a":[1]}');
    expect(document.value).toEqual({ a: [1] });
    expect(document.value).toBe(document.value);
  });

  test('that is no JSON is corrupt only when it is looked at', () => {
    const document = storedDocument('{');
    expect(document.text).toBe('{');
    expect(refusal(() => document.value).code).toBe('corrupt');
  });

  test('is encoded as every stored value is', () => {
    expect(encodeDocument({ at: new Date(now), gone: undefined }, 'data').text).toBe(
      '{"at":"2026-01-02T03:04:05.006Z"}',
    );
    expect(refusal(() => encodeDocument({ a: [Number.NaN] }, 'data'))).toEqual({
      code: 'invalid_argument',
      path: 'data.a[0]',
    });
  });
});

test('ids tell their kind, and are ordered by time', () => {
  const own = domainContext({});
  const made = Array.from({ length: 100 }, () => own.newId('msg'));
  expect(made.every((id) => /^msg_[0-9a-f-]{36}$/.test(id))).toBe(true);
  expect(made.toSorted()).toEqual(made);
  expect(own.newEtag()).toMatch(/^[\w-]{16}$/);
});

test('what is left out is filled in', () => {
  const at = new Date(now);
  expect(newConversation({}, context)).toMatchObject({
    id: expect.stringMatching(/^session_/),
    agentName: undefined,
    userId: undefined,
    status: 'active',
    createdAt: at,
    updatedAt: at,
    metadata: { text: '{}' },
  });
  expect(newMessage({ conversationId: 'c', role: 'user', content: [1] }, context)).toMatchObject({
    content: { text: '[1]' },
    createdAt: at,
  });
  expect(newArtifact({ conversationId: 'c', name: 'n', type: 't', path: 'p' }, context)).toMatchObject({
    size: 0,
    createdAt: at,
  });
  expect(newMetricPoint({ entityType: 'a', entityName: 'b', metricName: 'c', value: 1 }, context)).toMatchObject({
    timestamp: at,
    labels: { text: '{}' },
  });
  expect(newKeyValueEntry('k', null, undefined, context)).toMatchObject({
    value: { text: 'null' },
    ttlMs: undefined,
    accessedAt: at,
  });
  expect(checkLimit(undefined)).toBe(100);
});

test('a change has what was given, and nothing else', () => {
  expect(checkConversationChange({})).toEqual({
    agentName: undefined,
    userId: undefined,
    status: undefined,
    metadata: undefined,
  });
  expect(checkConversationChange({ userId: null, metadata: { a: 1 } })).toMatchObject({
    userId: null,
    metadata: '{"a":1}',
  });
});

describe('mistakes name what was wrong', () => {
  const message = { conversationId: 'c', role: 'user', content: 'x' } as const;
  const point = { entityType: 'a', entityName: 'b', metricName: 'c', value: 1 };
  const artifact = { conversationId: 'c', name: 'n', type: 't', path: 'p' };
  const cases: readonly (readonly [string, string, () => unknown])[] = [
    ['id', 'invalid_argument', () => newConversation({ id: '' }, context)],
    ['id', 'too_large', () => newConversation({ id: 'ü'.repeat(257) }, context)],
    ['status', 'invalid_argument', () => newConversation({ status: 'gone' as never }, context)],
    ['metadata', 'invalid_argument', () => newConversation({ metadata: [] as never }, context)],
    ['metadata.a', 'invalid_argument', () => newConversation({ metadata: { a: Number.NaN } }, context)],
    ['status', 'invalid_argument', () => checkConversationQuery({ status: 'x' as never })],
    ['agentName', 'invalid_argument', () => checkConversationQuery({ agentName: '' })],
    ['role', 'invalid_argument', () => newMessage({ ...message, role: 'robot' as never }, context)],
    ['content', 'invalid_argument', () => newMessage({ ...message, content: 5 as never }, context)],
    ['size', 'invalid_argument', () => newArtifact({ ...artifact, size: 1.5 }, context)],
    ['path', 'too_large', () => newArtifact({ ...artifact, path: 'x'.repeat(4097) }, context)],
    ['value', 'invalid_argument', () => newMetricPoint({ ...point, value: Number.POSITIVE_INFINITY }, context)],
    ['timestamp', 'invalid_argument', () => newMetricPoint({ ...point, timestamp: new Date(Number.NaN) }, context)],
    ['start', 'invalid_argument', () => checkMetricQuery({ start: 'today' as never })],
    ['ttlMs', 'invalid_argument', () => newKeyValueEntry('k', 1, 0, context)],
    ['limit', 'invalid_argument', () => checkLimit(-1)],
    ['limit', 'invalid_argument', () => checkLimit(1001)],
  ];
  test.each(cases)('%s: %s', (path, code, run) => {
    expect(refusal(run)).toEqual({ code, path });
  });

  test('conditions that exclude one another', () => {
    expect(refusal(() => checkConditions({ ifMatch: 'a', ifAbsent: true })).code).toBe('invalid_argument');
    expect(() => checkConditions({ ifMatch: 'a' })).not.toThrow();
  });
});
