import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { outcome } from '@storage/core';
import { chromaPythonPath } from '@storage/services/testing';
import { createChroma } from '../src/index.ts';

const pythonPath = await chromaPythonPath();
const before = { PATH: process.env['PATH'], PYTHONPATH: process.env['PYTHONPATH'] };
let folder = '';

function setEnv(values: { readonly [name: string]: string | undefined }): void {
  for (const [name, value] of Object.entries(values))
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
}

/** The processes of this machine whose command names the folder. */
async function serversOn(path: string): Promise<readonly string[]> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,args=']);
  return stdout.split('\n').filter((line) => line.includes(`--path ${path}`));
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'chroma-folder-'));
});

afterEach(() => setEnv(before));

afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));

it('says what to do where no server can be started', async () => {
  setEnv({ PATH: join(folder, 'nothing'), PYTHONPATH: undefined });
  await using backend = createChroma({ persistDirectory: join(folder, 'none') });
  const opened = await outcome(backend.open());
  expect(opened).toMatchObject({
    ok: false,
    error: { code: 'unavailable', retryable: false, details: { path: 'persistDirectory' } },
  });
  if (!opened.ok) expect(opened.error.message).toMatch(/`host` and `port`/);
  expect(await serversOn(join(folder, 'none'))).toEqual([]);
}, 60_000);

if (pythonPath === undefined)
  it("can't start a server here: there is no Python package of Chroma for this machine", () => {
    expect(pythonPath).toBeUndefined();
  });
else {
  it('starts a server on the folder, finds its data again, and leaves no process', async () => {
    setEnv({ PYTHONPATH: pythonPath });
    const persistDirectory = join(folder, 'data');
    for (const round of [1, 2]) {
      const backend = createChroma({ persistDirectory });
      await backend.open();
      expect((await serversOn(persistDirectory)).length).toBeGreaterThan(0);
      await backend.vectors.createCollection('docs', { dimension: 2, ifAbsent: true });
      const docs = backend.vectors.collection('docs');
      expect(await docs.count()).toBe(round - 1);
      await docs.upsert([{ id: `d${round}`, vector: [1, round], content: `round ${round}`, metadata: { round } }]);
      expect(await backend.health()).toMatchObject({ status: 'healthy' });
      await backend.close();
      expect(await serversOn(persistDirectory)).toEqual([]);
    }
    await using third = createChroma({ persistDirectory });
    await third.open();
    const found = await third.vectors.collection('docs').search({ vector: [1, 1], filter: { round: 1 } });
    expect(found.map(({ document }) => [document.id, document.content])).toEqual([['d1', 'round 1']]);
  }, 120_000);

  it('stops the server when its process is killed', async () => {
    const persistDirectory = join(folder, 'killed');
    const code = `
      import { createChroma } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)};
      const backend = createChroma({ persistDirectory: ${JSON.stringify(persistDirectory)} });
      await backend.open();
      process.kill(process.pid, 'SIGKILL');`;
    const args = ['--conditions=@storage/source', '--import', 'tsx', '--input-type=module', '--eval', code];
    const env = { ...process.env, NODE_OPTIONS: '', PYTHONPATH: pythonPath };
    await expect(promisify(execFile)(process.execPath, args, { env })).rejects.toMatchObject({ signal: 'SIGKILL' });
    for (let tries = 0; tries < 100 && (await serversOn(persistDirectory)).length > 0; tries++) await delay(100);
    expect(await serversOn(persistDirectory)).toEqual([]);
  }, 120_000);
}
