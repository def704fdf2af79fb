import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { call, killLeftovers, processTestMs, startProcess, temporaryFolder } from './support/vault-process.ts';

const writers = 16;
const loadMs = 1500;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
});
afterEach(async () => {
  killLeftovers();
  await folder.remove();
});

interface Acknowledged {
  /** Contents of messages, by session. */
  readonly messages: Map<string, Set<string>>;
  /** The last number that was put into each state. */
  readonly states: Map<string, number>;
  count: number;
}

/** Writes until the Vault is gone, and notes what it acknowledged. */
async function write(url: string, writer: number, noted: Acknowledged): Promise<void> {
  const session = `s${writer}`;
  try {
    for (let n = 0; ; n++) {
      const message = await call(url, 'POST', '/storage/history', {
        session_id: session,
        role: 'user',
        content: `${n}`,
      });
      if (message.status !== 201) return;
      noted.messages.get(session)?.add(`${n}`);
      const state = await call(url, 'PUT', `/storage/state/${session}`, { data: { n } });
      if (state.status !== 200) return;
      noted.states.set(session, n);
      noted.count += 2;
    }
  } catch (error) {
    // A connection that broke is the end of the load; what was under way was not acknowledged.
    if (!(error as Error).message.includes('fetch failed') && !(error as Error).message.includes('terminated'))
      throw error;
  }
}

async function history(url: string, session: string): Promise<readonly string[]> {
  const contents: string[] = [];
  let path: string | undefined = `/storage/history?session_id=${session}&limit=1000`;
  while (path !== undefined) {
    const { status, body, headers }: Awaited<ReturnType<typeof call>> = await call(url, 'GET', path);
    expect(status).toBe(200);
    contents.unshift(...(body as { content: string }[]).map(({ content }) => content));
    path = /^<([^>]+)>/.exec(headers.get('link') ?? '')?.[1];
  }
  return contents;
}

describe.each([
  { signal: 'SIGKILL', code: null },
  { signal: 'SIGTERM', code: 0 },
] as const)('a Vault that gets $signal under load', ({ signal, code }) => {
  test(
    'has every acknowledged write when it is started again',
    async () => {
      const env = { DB_PATH: join(folder.path, 'storage.db') };
      const first = await startProcess(env);
      const noted: Acknowledged = { messages: new Map(), states: new Map(), count: 0 };
      for (let writer = 0; writer < writers; writer++) {
        noted.messages.set(`s${writer}`, new Set());
        await call(first.url, 'POST', '/storage/sessions', { id: `s${writer}`, agent_name: 'load' });
      }
      const load = Promise.all(Array.from({ length: writers }, (_, writer) => write(first.url, writer, noted)));
      await new Promise((resolve) => setTimeout(resolve, loadMs));
      expect(await first.end(signal)).toBe(code);
      await load;
      expect(noted.count).toBeGreaterThan(writers * 4);

      const second = await startProcess(env);
      for (const [session, messages] of noted.messages) {
        const found = await history(second.url, session);
        expect(found).toEqual(Array.from({ length: found.length }, (_, n) => `${n}`));
        expect(found.length).toBeGreaterThanOrEqual(messages.size);
        const last = noted.states.get(session);
        if (last === undefined) continue;
        const { body } = await call(second.url, 'GET', `/storage/state/${session}`);
        expect((body as { data: { n: number } }).data.n).toBeGreaterThanOrEqual(last);
      }
      expect(await second.end('SIGTERM')).toBe(0);
    },
    processTestMs,
  );
});
