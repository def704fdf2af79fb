type Headers = Readonly<Record<string, string>>;

/** Asks for one address; never longer than a few seconds. */
export async function fetchSoon(address: URL, headers: Headers = {}): Promise<Response> {
  return await fetch(address, { headers, signal: AbortSignal.timeout(5_000) });
}

/** Asks for a path below the server's address; an answer of no success is an error. */
export async function ask(server: string, path: string, headers: Headers = {}): Promise<Response> {
  const response = await fetchSoon(new URL(path, server.replace(/\/?$/, '/')), headers);
  if (!response.ok) throw new Error(`GET /${path} answers ${response.status}.`);
  return response;
}

/** `host:port` of a URL, whose port may be its protocol's. */
export function nodeOf(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  return `${hostname}:${port || (protocol === 'https:' ? 443 : 80)}`;
}
