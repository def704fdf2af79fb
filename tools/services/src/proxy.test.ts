import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { createProxy, type FaultProxy } from './proxy.ts';

/** Answers each chunk with the same bytes, and remembers them. */
async function startEcho() {
  const sockets = new Set<Socket>();
  const got: string[] = [];
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      got.push(String(bytes));
      socket.write(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    sockets,
    got,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

async function dial(proxy: FaultProxy) {
  const socket = connect(proxy.port, '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

/** The next chunk, as text; an error where the connection ends instead. */
function answer(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    socket.once('data', (bytes) => resolve(String(bytes)));
    socket.once('error', reject);
    socket.once('end', () => reject(new Error('ended')));
  });
}

async function ask(socket: Socket, text: string) {
  const reply = answer(socket);
  socket.write(text);
  return await reply;
}

async function until(holds: () => boolean) {
  for (let round = 0; round < 200 && !holds(); round++) await sleep(5);
  expect(holds()).toBe(true);
}

describe('a proxy', () => {
  test('passes bytes both ways and counts connections', async () => {
    await using echo = await startEcho();
    await using proxy = await createProxy({ host: '127.0.0.1', port: echo.port });
    const [first, second] = [await dial(proxy), await dial(proxy)];
    expect(await Promise.all([ask(first, 'one'), ask(second, 'two')])).toEqual(['one', 'two']);
    expect(proxy).toMatchObject({ connections: 2, accepted: 2, struck: 0 });
    first.end();
    await until(() => proxy.connections === 1 && echo.sockets.size === 1);
    second.destroy();
    await until(() => proxy.connections === 0 && echo.sockets.size === 0);
    expect(proxy.accepted).toBe(2);
  });

  test('passes more than the sockets buffer, whole', async () => {
    await using echo = await startEcho();
    await using proxy = await createProxy({ port: echo.port });
    const socket = await dial(proxy);
    const sent = 32 * 1024 * 1024;
    let back = 0;
    const whole = new Promise<void>((resolve) => {
      socket.on('data', (bytes) => {
        back += bytes.length;
        if (back === sent) resolve();
      });
    });
    socket.write(Buffer.alloc(sent, 7));
    await whole;
    expect(back).toBe(sent);
    socket.destroy();
  });

  test('hands a half-closed connection on', async () => {
    await using echo = await startEcho();
    await using proxy = await createProxy({ port: echo.port });
    const socket = await dial(proxy);
    const reply = answer(socket);
    socket.end('last words');
    expect(await reply).toBe('last words');
  });

  test('cuts connections, refuses new ones, and comes back on its port', async () => {
    await using echo = await startEcho();
    await using proxy = await createProxy({ port: echo.port });
    const { port } = proxy;
    const socket = await dial(proxy);
    await ask(socket, 'a');
    const lost = answer(socket);
    await proxy.cut();
    await expect(lost).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect(dial(proxy)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await until(() => proxy.connections === 0 && echo.sockets.size === 0);
    await proxy.cut();
    await proxy.restore();
    await proxy.restore();
    expect(proxy.port).toBe(port);
    const again = await dial(proxy);
    expect(await ask(again, 'b')).toBe('b');
    again.destroy();
  });

  test('stalls and resumes without losing a byte', async () => {
    await using echo = await startEcho();
    await using proxy = await createProxy({ port: echo.port });
    const before = await dial(proxy);
    await ask(before, 'a');
    proxy.stall();
    const during = await dial(proxy);
    const replies = [answer(before), answer(during)];
    before.write('b');
    during.write('c');
    await until(() => proxy.connections === 2);
    expect(await Promise.race([...replies, sleep(50, 'nothing')])).toBe('nothing');
    expect(echo.got).toEqual(['a']);
    proxy.resume();
    expect(await Promise.all(replies)).toEqual(['b', 'c']);
    before.destroy();
    during.destroy();
    await until(() => proxy.connections === 0);
  });

  test('ends stalled connections by a cut', async () => {
    await using echo = await startEcho();
    await using proxy = await createProxy({ port: echo.port });
    const socket = await dial(proxy);
    proxy.stall();
    const lost = ask(socket, 'a');
    await sleep(20);
    await proxy.cut();
    await expect(lost).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(echo.got).toEqual([]);
  });

  test('resets the client when the server is not there', async () => {
    await using echo = await startEcho();
    await using proxy = await createProxy({ port: echo.port });
    await echo[Symbol.asyncDispose]();
    const socket = await dial(proxy);
    await expect(ask(socket, 'a')).rejects.toMatchObject({ code: 'ECONNRESET' });
    await until(() => proxy.connections === 0);
  });
});

describe('a fault on the next request', () => {
  test('before it: the server never sees it', async () => {
    await using echo = await startEcho();
    await using proxy = await createProxy({ port: echo.port });
    const [socket, other] = [await dial(proxy), await dial(proxy)];
    await ask(socket, 'a');
    proxy.onNext('before-request');
    await expect(ask(socket, 'b')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(await ask(other, 'c')).toBe('c');
    expect(echo.got).toEqual(['a', 'c']);
    expect(proxy.struck).toBe(1);
    other.destroy();
  });

  test('after it: the server has it and the client does not know', async () => {
    await using echo = await startEcho();
    await using proxy = await createProxy({ port: echo.port });
    const socket = await dial(proxy);
    proxy.onNext('after-request');
    await expect(ask(socket, 'a')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(echo.got).toEqual(['a']);
    const again = await dial(proxy);
    expect(await ask(again, 'b')).toBe('b');
    again.destroy();
  });

  test('garbage: other bytes than the server would send, then the end', async () => {
    await using echo = await startEcho();
    await using proxy = await createProxy({ port: echo.port });
    const socket = await dial(proxy);
    proxy.onNext('garbage');
    const chunks: Buffer[] = [];
    socket.on('data', (bytes) => chunks.push(bytes));
    socket.write('a');
    await once(socket, 'end');
    expect(Buffer.concat(chunks)).toHaveLength(256);
    expect(echo.got).toEqual([]);
    await until(() => proxy.connections === 0 && echo.sockets.size === 0);
  });

  test('can be aimed at a text, and several wait in turn', async () => {
    await using echo = await startEcho();
    await using proxy = await createProxy({ port: echo.port });
    const socket = await dial(proxy);
    proxy.onNext('after-request', 'set key-7');
    proxy.onNext('before-request');
    expect(await ask(socket, 'ping')).toBe('ping');
    await expect(ask(socket, 'set key-7 1')).rejects.toMatchObject({ code: 'ECONNRESET' });
    const next = await dial(proxy);
    await expect(ask(next, 'ping')).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(echo.got).toEqual(['ping', 'set key-7 1']);
    expect(proxy.struck).toBe(2);
  });
});
