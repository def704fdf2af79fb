import { connect, createServer, type Socket } from 'node:net';

/** A pooler as far as its clients see one: the key for cancelling that it tells them is its own. */
export interface FakePooler extends AsyncDisposable {
  readonly port: number;
}

/** `BackendKeyData`: type, length 12, process id, secret. */
const head = Buffer.from([0x4b, 0, 0, 0, 12]);

function withOtherKey(bytes: Buffer): Buffer {
  const at = bytes.indexOf(head);
  if (at >= 0) bytes.writeInt32BE(1_000_000_000, at + head.length);
  return bytes;
}

export async function createFakePooler(serverPort: number): Promise<FakePooler> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(serverPort, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (bytes) => upstream.write(bytes));
    upstream.on('data', (bytes: Buffer) => client.write(withOtherKey(bytes)));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
