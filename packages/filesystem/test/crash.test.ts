import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import type { JsonValue, StoredRecord } from '@storage/core';
import { createFilesystem } from '../src/index.ts';
import { type Program, run, scratch } from './support.ts';

/** Writes without end: records whose parts tell what they belong to. Prints a line for each that was acknowledged. */
function writer(basePath: string, layout: string, name: string): Program {
  return run(`
    const backend = createFilesystem({ basePath: ${JSON.stringify(basePath)}, layout: '${layout}' });
    await backend.open();
    const { records } = backend;
    const size = (n) => [10, 2000, 70000, 300][n % 4];
    const lane = async (key, write) => {
      for (let n = 1; ; n++) {
        await write(n);
        process.stdout.write(key + ' ' + n + '\\n');
      }
    };
    const json = (n) => ({ n, fill: String(n % 10).repeat(size(n)) });
    const lanes = {
      plain: (key) => (n) => records.store(key, json(n)),
      described: (key) => (n) => records.store(key, json(n), { metadata: { n } }),
      sometimes: (key) => (n) => records.store(key, json(n), n % 2 ? { metadata: { n }, ttlMs: 1e9 } : {}),
      bytes: (key) => (n) => records.store(key, Buffer.alloc(size(n), n % 256), { metadata: { n } }),
      streamed: (key) => (n) => records.storeStream(key, (async function* () {
        for (let part = 0; part < 4; part++) yield Buffer.alloc(size(n), n % 256);
      })(), { metadata: { n } }),
      removed: (key) => async (n) => { await records.store(key, json(n), { metadata: { n } }); if (n % 3 === 0) await records.delete(key); },
    };
    await Promise.all(Object.entries(lanes).map(([kind, write]) => lane('${name}/' + kind, write('${name}/' + kind))));
  `);
}

/** What was acknowledged last, by key. */
function acknowledged(output: string): Map<string, number> {
  const last = new Map<string, number>();
  for (const line of output.split('\n').slice(0, -1)) {
    const [key = '', n] = line.split(' ');
    last.set(key, Number(n));
  }
  return last;
}

/** Which write a record is of; fails when its parts are of different ones. */
function versionOf(record: StoredRecord<unknown>): number {
  const size = (n: number): number => [10, 2000, 70_000, 300][n % 4] ?? 0;
  const { data, metadata, key } = record;
  if (ArrayBuffer.isView(data)) {
    const n = metadata['n'] as number;
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    expect([key, bytes.length]).toEqual([key, size(n) * (key.endsWith('streamed') ? 4 : 1)]);
    expect(bytes.every((byte) => byte === n % 256)).toBe(true);
    return n;
  }
  const { n, fill } = data as { readonly n: number; readonly fill: string };
  expect([key, fill]).toEqual([key, String(n % 10).repeat(size(n))]);
  const kind = key.split('/')[1];
  const described = kind === 'described' || kind === 'removed' || (kind === 'sometimes' && n % 2 === 1);
  expect([key, n, metadata]).toEqual([key, n, described ? { n } : {}]);
  expect(record.expiresAt !== undefined).toBe(kind === 'sometimes' && n % 2 === 1);
  return n;
}

describe.each(['plain', 'safe'] as const)('a process that is killed, layout %s', (layout) => {
  test('leaves the old or the new, never a mixture, and nothing that sweep does not clear up', async () => {
    using folder = scratch();
    const rounds = 4;
    let killed = 0;
    let written = 0;
    for (let round = 0; round < rounds; round++) {
      const programs = Array.from({ length: 4 }, (_, index) => writer(folder.path, layout, `r${round}w${index}`));
      await Promise.all(
        programs.map(async ({ child, output, ended }) => {
          const patience = Date.now() + 30_000;
          while (output() === '' && Date.now() < patience) await sleep(5);
          await sleep(Math.random() * 150);
          child.kill('SIGKILL');
          expect(await ended).toBeNull();
          killed++;
        }),
      );
      await using backend = createFilesystem({ basePath: folder.path, layout });
      await backend.open();
      for (const { output } of programs) {
        for (const [key, last] of acknowledged(output())) {
          const record: StoredRecord<JsonValue> | undefined = await backend.records.retrieve(key);
          written += last;
          // Removed by the last write that was acknowledged or is not, or it was the first that was not.
          if (record === undefined)
            expect([key, (last % 3) * ((last + 1) % 3)]).toEqual([`${key.split('/')[0]}/removed`, 0]);
          else expect([last, last + 1]).toContain(versionOf(record));
        }
      }
      // Whoever comes next can write at once: no lock is waited for.
      const startedAt = Date.now();
      for (const { output } of programs)
        for (const key of acknowledged(output()).keys())
          await backend.records.store(key, 'after', { metadata: { a: 1 } });
      expect(Date.now() - startedAt).toBeLessThan(8000);
    }
    expect(killed).toBe(16);
    expect(written).toBeGreaterThan(16 * 6);

    await using backend = createFilesystem({ basePath: folder.path, layout });
    await backend.open();
    await backend.sweep();
    expect(readdirSync(join(folder.path, '.storage', 'work'))).toEqual([]);
    expect(readdirSync(join(folder.path, '.storage', 'locks')).filter((name) => !name.endsWith('.owner'))).toEqual([]);
    expect(await backend.sweep()).toEqual({ expired: 0, leftovers: 0 });
    // Also those whose first write was not acknowledged are whole.
    for await (const record of backend.records.iterate<unknown>()) if (record.data !== 'after') versionOf(record);
  }, 180_000);
});

test('two processes with many writers lose no conditional increment, and corrupt nothing', async () => {
  using folder = scratch();
  const program = `
    const backend = createFilesystem({ basePath: ${JSON.stringify(folder.path)} });
    await backend.open();
    const { records } = backend;
    await Promise.all(Array.from({ length: 6 }, async (_, writer) => {
      for (let turn = 0; turn < 15; turn++) {
        const key = 'counter' + (turn % 2);
        await update(records, key, (current) => ({ data: (current?.data ?? 0) + 1 }), { retries: 10000 });
        await records.store('both', { by: process.pid, turn, fill: 'x'.repeat(turn * 1000) }, { metadata: { by: process.pid, turn } });
        const both = await records.retrieve('both');
        if (both.data.by !== both.metadata.by || both.data.turn !== both.metadata.turn || both.data.fill.length !== both.data.turn * 1000)
          throw new Error('a mixture: ' + JSON.stringify([both.data.by, both.data.turn, both.metadata]));
      }
    }));
    await backend.close();`;
  const programs = [run(program), run(program)];
  expect(await Promise.all(programs.map(({ ended }) => ended))).toEqual([0, 0]);
  await using backend = createFilesystem({ basePath: folder.path });
  await backend.open();
  const counters = await backend.records.retrieveMany<number>(['counter0', 'counter1']);
  expect(counters.map((record) => record?.data)).toEqual([2 * 6 * 8, 2 * 6 * 7]);
}, 120_000);
