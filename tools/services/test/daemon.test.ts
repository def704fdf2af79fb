import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { homeFolder } from '../src/home.ts';
import { leaseService, startOwn } from '../src/index.ts';
import { isRunning, stampOf } from '../src/process.ts';
import { withRedis } from '../src/recipes/redis.ts';
import { sweep } from '../src/run-record.ts';
import { onOwnService } from '../src/testing.ts';
import { daemonStatus, freshHome, gone, hold, recorded, runs, signalDaemon, until } from './support.ts';

const ping = (url: string): Promise<string> => withRedis(url, (client) => client.ping());

await onOwnService('redis', () => {
  test('processes that ask at once share one daemon and one server, which goes with the last of them', async () => {
    await using _home = await freshHome();
    const holders = await Promise.all([hold('redis'), hold('redis'), hold('redis')]);
    const urls = new Set(holders.map(({ service }) => service.url));
    expect(urls.size).toBe(1);
    const [url = ''] = urls;
    expect(await runs()).toHaveLength(1);
    expect((await daemonStatus())?.shared).toMatchObject([{ name: 'redis', leases: 3 }]);
    const { processes, folders } = await recorded();
    expect(processes).toHaveLength(1);

    // Killed, not released.
    await holders[0]?.kill();
    await holders[1]?.kill();
    await until('one lease is left', async () => (await daemonStatus())?.shared[0]?.leases === 1);
    expect(await ping(url)).toBe('PONG');

    await holders[2]?.kill();
    await until('server and daemon have ended', async () => gone(processes) && (await runs()).length === 0);
    expect(folders.map((folder) => existsSync(folder))).toEqual([false]);
    await expect(ping(url)).rejects.toThrow();
  }, 60_000);

  test('what a killed daemon left is ended and removed by the next', async () => {
    await using _home = await freshHome();
    await using first = await hold('redis');
    const left = await recorded();
    await signalDaemon('SIGKILL');
    expect(await ping(first.service.url)).toBe('PONG');

    await using second = await hold('redis');
    expect(second.service.url).not.toBe(first.service.url);
    await until('the orphan has ended', () => gone(left.processes));
    await until('its folder is removed', () => !left.folders.some((folder) => existsSync(folder)));
    expect(await runs()).toHaveLength(1);
    expect(await ping(second.service.url)).toBe('PONG');
  }, 60_000);

  test('a server that died is replaced for the next who asks', async () => {
    await using _home = await freshHome();
    const first = await leaseService('redis');
    const { processes } = await recorded();
    expect(processes).toHaveLength(1);
    for (const { pid } of processes) process.kill(pid, 'SIGKILL');
    await until('it is gone', () => gone(processes));
    const second = await leaseService('redis');
    expect(second).toMatchObject({ how: 'local' });
    expect(second).not.toMatchObject({ url: 'url' in first ? first.url : '' });
  }, 60_000);

  test('a server of its own keeps port and data over stop, kill and start, and leaves nothing behind', async () => {
    await using _home = await freshHome();
    const own = await startOwn('redis', { durable: true });
    const write = (key: string): Promise<unknown> => withRedis(own.url, (client) => client.set(key, key));
    expect(await withRedis(own.url, (client) => client.config('GET', 'appendfsync'))).toEqual([
      'appendfsync',
      'always',
    ]);
    await write('a');
    await own.kill();
    await expect(ping(own.url)).rejects.toThrow();
    await own.start();
    await write('b');
    await own.stop();
    await expect(ping(own.url)).rejects.toThrow();
    await own.start();
    expect(await withRedis(own.url, (client) => client.mget('a', 'b', 'c'))).toEqual(['a', 'b', null]);
    // It is nobody else's.
    expect((await daemonStatus())?.shared).toEqual([]);

    const { processes, folders } = await recorded();
    await own[Symbol.asyncDispose]();
    expect(gone(processes)).toBe(true);
    expect(folders.map((folder) => existsSync(folder))).toEqual([false]);
  }, 60_000);
});

describe('orphans', () => {
  test.each([
    ['the process on record is ended', (stamp: string) => stamp, false],
    ['another process with the same pid is not', (stamp: string) => `${stamp}1`, true],
  ])('%s', async (_title, recordedStamp, lives) => {
    await using _home = await freshHome({ cache: false });
    const child = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], { stdio: 'ignore' });
    try {
      const { pid } = child;
      if (pid === undefined) throw new Error('It did not start.');
      const stamp = stampOf(pid) ?? '';
      const folder = join(await homeFolder('run'), 'dead-1');
      await mkdir(folder);
      const processes = [{ pid, stamp: recordedStamp(stamp), discard: 'SIGKILL' }];
      const owner = { pid: process.pid, stamp: 'of another time' };
      await writeFile(join(folder, 'run.json'), JSON.stringify({ owner, processes, projects: [] }));
      await sweep((error) => {
        throw error;
      });
      expect(isRunning({ pid, stamp })).toBe(lives);
      expect(existsSync(folder)).toBe(false);
    } finally {
      child.kill('SIGKILL');
    }
  });
});
