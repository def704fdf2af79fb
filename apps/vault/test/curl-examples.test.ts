import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { call, processTestMs, startProcess, temporaryFolder, type VaultProcess } from './support/vault-process.ts';

const page = readFileSync(new URL('./fixtures/curl-examples.md', import.meta.url), 'utf8');
const examples = [...page.matchAll(/```bash\n([\s\S]*?)```/g)].map(([, command = '']) => command.trim());
const hasCurl = (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, 'curl')));

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Runs the command in a shell, as a reader of the page would. */
async function runCurl(command: string): Promise<Answer> {
  const { stdout } = await promisify(execFile)('sh', [
    '-c',
    command.replace('curl ', "curl -sS --max-time 20 -w '\\n%{http_code}' "),
  ]);
  const end = stdout.lastIndexOf('\n');
  return { status: Number(stdout.slice(end + 1)), body: JSON.parse(stdout.slice(0, end)) };
}

/** The same request where there is no curl. */
async function runFetch(command: string): Promise<Answer> {
  const url = /"?(http:[^\s"]+)"?/.exec(command)?.[1] ?? '';
  const method = /-X (\w+)/.exec(command)?.[1] ?? 'GET';
  const body = /-d '([\s\S]*)'/.exec(command)?.[1];
  return call(url, method, '', body);
}

let vault: VaultProcess;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;

beforeAll(async () => {
  folder = await temporaryFolder();
  vault = await startProcess({ DB_PATH: join(folder.path, 'storage.db') });
}, processTestMs);

afterAll(async () => {
  await vault?.end('SIGTERM');
  await folder?.remove();
});

test(`the page's examples run as written, in its order (${hasCurl ? 'with curl' : 'with fetch: there is no curl here'})`, async () => {
  const created = await call(vault.url, 'POST', '/storage/sessions', {
    id: 'session_abc123',
    agent_name: 'research_orchestrator',
  });
  expect(created.status).toBe(201);

  const answers: Answer[] = [];
  for (const example of examples) {
    const command = example.replace('http://localhost:8084', vault.url);
    answers.push(await (hasCurl ? runCurl(command) : runFetch(command)));
  }
  const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const message = {
    id: expect.stringMatching(/^msg_/),
    session_id: 'session_abc123',
    role: 'user',
    content: 'What is quantum computing?',
    timestamp: time,
    metadata: {},
  };
  expect(answers).toEqual([
    {
      status: 201,
      body: {
        id: expect.stringMatching(/^session_/),
        agent_name: 'research_orchestrator',
        user_id: 'user_123',
        status: 'active',
        created_at: time,
        updated_at: time,
        metadata: { source: 'cli' },
      },
    },
    { status: 201, body: message },
    { status: 200, body: [message] },
    {
      status: 200,
      body: {
        session_id: 'session_abc123',
        data: { context: 'quantum computing research', variables: { search_depth: 3 }, memory: ['fact1', 'fact2'] },
        updated_at: time,
      },
    },
    {
      status: 200,
      body: { key: 'my_key', value: { result: 'cached data' }, ttl: 3600, created_at: time, accessed_at: time },
    },
  ]);
  expect(JSON.stringify(vault.output())).not.toContain('quantum');
});
