import { connect, createServer, type Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { generate } from 'selfsigned';

/** A certificate authority of a test's own. */
export interface Authority {
  readonly key: string;
  readonly cert: string;
}

/** TLS in front of a server that has none, as PostgreSQL itself speaks it: asked for by a first message. */
export interface TlsFront extends AsyncDisposable {
  readonly port: number;
  /** Sessions that were encrypted. */
  readonly encrypted: number;
}

/** `SSLRequest`: length 8, code 80877103. */
const sslRequest = Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f]);

export async function createAuthority(): Promise<Authority> {
  const made = await generate([{ name: 'commonName', value: 'authority of a test' }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, digitalSignature: true },
    ],
  });
  return { key: made.private, cert: made.cert };
}

async function certify(ca: Authority, host: string): Promise<Authority> {
  const made = await generate([{ name: 'commonName', value: host }], {
    keyType: 'ec',
    algorithm: 'sha256',
    ca,
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true },
      {
        name: 'subjectAltName',
        altNames: [/^\d/.test(host) ? { type: 7, ip: host } : { type: 2, value: host }],
      },
    ],
  });
  return { key: made.private, cert: made.cert };
}

/** `host`: what the certificate is made out to. */
export async function createTlsFront(serverPort: number, ca: Authority, host: string): Promise<TlsFront> {
  const { key, cert } = await certify(ca, host);
  const sockets = new Set<Socket>();
  let encrypted = 0;

  const encrypt = (client: Socket): void => {
    const secure = new TLSSocket(client, { isServer: true, key, cert });
    const upstream = connect(serverPort, '127.0.0.1');
    sockets.add(upstream);
    secure.on('secure', () => encrypted++);
    for (const socket of [secure, upstream]) {
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        secure.destroy();
        upstream.destroy();
      });
    }
    secure.pipe(upstream).pipe(secure);
  };

  const server = createServer((client) => {
    sockets.add(client);
    client.on('error', () => client.destroy());
    client.once('data', (first) => {
      if (sslRequest.equals(first)) {
        client.write('S');
        encrypt(client);
      } else client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    get encrypted() {
      return encrypted;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
