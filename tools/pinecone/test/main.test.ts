import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, test } from '@jest/globals';

const program = fileURLToPath(new URL('../src/main.ts', import.meta.url));

let child: ChildProcess | undefined;
afterEach(() => {
  child?.kill('SIGKILL');
});

function start(...options: string[]): ChildProcess {
  const { NODE_OPTIONS: _jests, ...env } = process.env;
  child = spawn(process.execPath, ['--import', 'tsx', program, ...options], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  return child;
}

test('the program says where it answers, and ends when it is told to', async () => {
  const standIn = start('--port', '0', '--consistency-delay-ms', '0', '--api-key', 'right');
  const [line] = (await once(standIn.stdout ?? standIn, 'data')) as [Buffer];
  const url = line.toString().trim();
  expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ standIn: 'Pinecone' });
  expect((await fetch(`${url}/indexes`, { headers: { 'api-key': 'wrong' } })).status).toBe(401);
  const ended = once(standIn, 'exit');
  standIn.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
}, 30_000);

test('the program refuses options that it has not', async () => {
  const standIn = start('--consistency-delay-ms', 'soon');
  const [code] = await once(standIn, 'exit');
  expect(code).toBe(1);
}, 30_000);
