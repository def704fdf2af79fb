import { describe, expect, it } from '@jest/globals';
import type { JsonObject } from '@storage/core';
import { decodeRecord, encodeRecord, instantOf, maxRecordMetadata, toSend } from './pinecone-records.ts';
import { shadow } from './pinecone-shadows.ts';

const row = (metadata: object, more: object = {}) => ({
  id: 'a',
  vector: Float32Array.of(1, 2),
  content: undefined,
  metadata: JSON.stringify(metadata),
  createdAt: 5,
  ...more,
});
const noDates: ReadonlySet<string> = new Set();

/** What the vendor takes: a flat object of strings, numbers, booleans and lists of strings, no key with a `$` before. */
function isTaken(metadata: object): boolean {
  return Object.entries(metadata).every(
    ([key, value]) =>
      !key.startsWith('$') &&
      (['string', 'number', 'boolean'].includes(typeof value) ||
        (Array.isArray(value) && value.every((element) => typeof element === 'string'))),
  );
}

const samples: readonly JsonObject[] = [
  {},
  { a: 1, b: 'x', c: true, d: ['x', 'y'], e: '' },
  { a: null, b: [], c: {}, d: [null], e: [[1]], f: [{ a: 1 }] },
  { a: [1, 2], b: [true], c: ['x', 1, false, null] },
  { a: { b: { c: 1, 'd.e': ['x'] } }, 'a.b': 2 },
  {
    $a: 1,
    _s_t: 'mine',
    _s_json: '{',
    _s_text: 1,
    _s_id: 'b',
    _s_at: 9,
    _s_w: 4,
    _s_d_at: 3,
    '~': 1,
    'a~.b': 2,
    '': 3,
  },
  JSON.parse('{"__proto__": 1, "constructor": {"__proto__": ["x"]}, "toString": "t"}') as JsonObject,
  { n: [0.1, -1, 5e-324, 1e21, 2 ** 53 - 1], 'q"t': "s'q", 'bs\\l': '\u2028', é: '\u{1F600}' },
];

describe('a document in Pinecone', () => {
  it.each(samples.map((sample) => [JSON.stringify(sample), sample] as const))(
    'comes back as it was: %s',
    (_text, sample) => {
      const record = encodeRecord(row(sample, { content: 'text é' }), noDates);
      expect(isTaken(record.metadata)).toBe(true);
      const sent = JSON.parse(JSON.stringify(toSend(record))) as ReturnType<typeof toSend>;
      const found = decodeRecord(sent, true);
      expect(JSON.parse(found.metadata)).toEqual(sample);
      expect({ ...found, metadata: '' }).toEqual({ ...row({}), content: 'text é', metadata: '' });
    },
  );

  it('keeps an id that Pinecone would refuse', () => {
    const record = encodeRecord(row({}, { id: 'é b' }), noDates);
    expect(record.id).toMatch(/^[\x21-\x7e]+$/);
    expect(decodeRecord(record, false).id).toBe('é b');
  });

  it('has the milliseconds of dates that were declared', () => {
    const at = '2024-05-01T12:00:00.000Z';
    const { metadata } = encodeRecord(row({ at, other: at, list: [at] }), new Set(['at', 'list']));
    expect(metadata[`${shadow.date}at`]).toBe(Date.parse(at));
    expect(Object.keys(metadata)).not.toContain(`${shadow.date}other`);
    expect(metadata[shadow.tags]).toContain('d:list');
  });

  it('is refused where Pinecone would not keep it, before anything is sent', () => {
    expect(() => encodeRecord(row({}, { content: 'x'.repeat(maxRecordMetadata) }), noDates)).toThrow(
      expect.objectContaining({
        code: 'too_large',
        applied: 'no',
        details: expect.objectContaining({ limit: 40_960 }),
      }),
    );
    const many = Object.fromEntries(Array.from({ length: 2000 }, (_, index) => [`field${index}`, index]));
    expect(() => encodeRecord(row(many), noDates)).toThrow(expect.objectContaining({ code: 'too_large' }));
  });

  it('of something else is read as it is', () => {
    expect(decodeRecord({ id: '~sha256~x', values: [1], metadata: { a: 1, _s_x: 2, text: 't' } }, false)).toEqual({
      id: '~sha256~x',
      vector: undefined,
      content: undefined,
      metadata: '{"a":1,"_s_x":2,"text":"t"}',
      createdAt: undefined,
    });
    expect(decodeRecord({ id: 'a' }, true)).toMatchObject({ metadata: '{}', vector: new Float32Array(0) });
  });

  it('that was damaged is told so', () => {
    const record = encodeRecord(row({ a: null }), noDates);
    const damaged = { ...record, metadata: { ...record.metadata, [shadow.json]: '{' } };
    expect(() => decodeRecord(damaged, false)).toThrow(expect.objectContaining({ code: 'corrupt' }));
  });
});

describe('an instant', () => {
  it('is what sorts as text as it does as a number', () => {
    expect(instantOf('2024-05-01T12:00:00.000Z')).toBe(Date.UTC(2024, 4, 1, 12));
    for (const text of [
      '2024-05-01',
      '2024-05-01T12:00:00Z',
      '+010000-01-01T00:00:00.000Z',
      '2024-13-01T12:00:00.000Z',
      '2024-02-31T12:00:00.000Z',
      '',
    ])
      expect(instantOf(text)).toBeUndefined();
  });
});
