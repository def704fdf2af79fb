import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { type LocalVault, localVault } from './support/local-vault.ts';

let vault: LocalVault;
let socket: Socket;
let answer: string;
let ended: Promise<unknown>;

beforeEach(async () => {
  vault = await localVault();
  const { port, hostname } = new URL(await vault.app.listen({ port: 0, host: '127.0.0.1' }));
  socket = connect(Number(port), hostname);
  answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString();
  });
  // The Vault may end a connection while there is still something to send to it.
  socket.on('error', () => socket.destroy());
  ended = once(socket, 'close');
  await once(socket, 'connect');
});
afterEach(async () => {
  socket.destroy();
  await vault.close();
});

/** What stands at the end of what was answered. */
function problem(): { readonly status: string; readonly type: string | undefined; readonly body: unknown } {
  const last = answer.split(/(?=HTTP\/1\.1 \d)/).at(-1) ?? '';
  const [head = '', body = ''] = last.split('\r\n\r\n');
  return {
    status: head.split('\r\n')[0] ?? '',
    type: /content-type: (.*)/i.exec(head)?.[1],
    body: JSON.parse(body) as unknown,
  };
}

test.each([
  ['a line that is no request', 'what is this\r\n\r\n', 400, 'Bad Request', 'bad_request'],
  [
    'headers that are too large',
    `GET / HTTP/1.1\r\nhost: here\r\nlong: ${'x'.repeat(100_000)}\r\n\r\n`,
    431,
    'Request Header Fields Too Large',
    'too_large',
  ],
])('%s is answered as a problem', async (_name, bytes, status, title, code) => {
  socket.write(bytes);
  await ended;
  expect(problem()).toEqual({
    status: `HTTP/1.1 ${status} ${title}`,
    type: 'application/problem+json',
    body: { type: 'about:blank', title, status, detail: expect.any(String), code },
  });
});

test('what was begun is done while the Vault is closed, and what comes then is refused as a problem', async () => {
  const body = '{"id":"begun","agent_name":"a"}';
  const begun = once(vault.app.server, 'request');
  socket.write(
    `POST /storage/sessions HTTP/1.1\r\nhost: here\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n{`,
  );
  await begun;
  const closed = vault.app.close();
  socket.write(`${body.slice(1)}GET /storage/sessions/begun HTTP/1.1\r\nhost: here\r\n\r\n`);
  await ended;
  await closed;
  expect(answer).toMatch(/^HTTP\/1\.1 201 /);
  expect(problem()).toMatchObject({
    status: 'HTTP/1.1 503 Service Unavailable',
    type: expect.stringMatching(/^application\/problem\+json/),
    body: { status: 503, code: 'unavailable' },
  });
});
