import { isObject } from './json.ts';

/**
 * The `host` that Pinecone's control plane tells for an index, led through the proxy: its port becomes the proxy's, so that names and
 * paths before and behind it stay as the server gave them.
 */
export class IndexHosts {
  readonly #server: string;
  readonly #port: RegExp;
  readonly #proxy: string;
  // Paths that hosts end with: what stands before the path that the document knows.
  readonly #prefixes = new Set<string>();

  constructor(serverPort: string, proxyPort: string) {
    this.#server = `:${serverPort}`;
    this.#port = new RegExp(`:${serverPort}(?=/|$)`);
    this.#proxy = `:${proxyPort}`;
  }

  /** The answer of the control plane, with its hosts led through the proxy. */
  through(body: Buffer): Buffer {
    const text = body.toString('utf8');
    if (!text.includes('"host"')) return body;
    const value: unknown = JSON.parse(text, (name, inner: unknown) =>
      name === 'host' && typeof inner === 'string' ? this.#led(inner) : inner,
    );
    return isObject(value) ? Buffer.from(JSON.stringify(value)) : body;
  }

  /** A host header of the client, as the server knows it. */
  behind(host: string): string {
    return host.endsWith(this.#proxy) ? host.slice(0, -this.#proxy.length) + this.#server : host;
  }

  withoutPrefix(url: string): string {
    for (const prefix of this.#prefixes) if (url.startsWith(`${prefix}/`)) return url.slice(prefix.length);
    return url;
  }

  #led(host: string): string {
    const [before, behind] = host.split(this.#port);
    if (before === undefined || behind === undefined) return host;
    if (behind.startsWith('/') && behind.length > 1) this.#prefixes.add(behind.replace(/\/$/, ''));
    return before + this.#proxy + behind;
  }
}
