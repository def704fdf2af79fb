import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from '@jest/globals';

const run = promisify(execFile);
const program = fileURLToPath(new URL('../src/main.ts', import.meta.url));

async function fuzz(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, NODE_OPTIONS: '' };
  const node = ['--conditions=@storage/source', '--import', 'tsx', program, ...args];
  try {
    return { code: 0, ...(await run(process.execPath, node, { env })) };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, stdout, stderr };
  }
}

describe('npm run fuzz', () => {
  it.each([
    ['memory', ''],
    ['sqlite', '; every operator is compiled exactly'],
    ['memory-vectors', ''],
    ['sqlite-vectors', '; every operator is compiled exactly'],
  ])(
    'finds no mismatch in %s',
    async (name, exact) => {
      const { code, stdout, stderr } = await fuzz(name, '--count', '1000', '--seed', '3');
      expect(stderr.replace(/\d+ %\n/g, '')).toBe('');
      expect(code).toBe(0);
      expect(stdout).toContain('1000 filters against');
      expect(stdout).toMatch(/^\$startsWith( +\d+){10}$/m);
      expect(stdout).toContain('0 mismatches in 1000 filters');
      expect(stdout).toContain(`each pair was met at least 10 times${exact}`);
    },
    60_000,
  );

  it('tells how it is used', async () => {
    expect(await fuzz('nothing')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('npm run fuzz -- <memory | sqlite'),
    });
    expect(await fuzz('memory', '--count', '-1')).not.toMatchObject({ code: 0 });
  }, 60_000);
});
