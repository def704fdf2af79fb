// The Vault on SQLite beside Fastify that answers {ok:true}: each in a process of its own, and so is the client of both.
import { join } from 'node:path';
import { makeValue } from '../dataset.ts';
import type { Target } from '../load.ts';
import { type Load, originOf, ownProgram, type Program, programOf, startLoad, startProgram } from '../programs.ts';
import { type Bench, defineSuite, type Opened, type Suite } from '../suite.ts';

const sessions = 1000;
const connections = 64;

interface Fixture extends Opened {
  readonly load: Load;
  readonly raw: string;
  readonly vault: string;
}

type Requests = Pick<Target, 'method' | 'requests'>;

const sessionIds: readonly string[] = Array.from(
  { length: sessions },
  (_, index) => `session_${String(index).padStart(4, '0')}`,
);

const createSessions: Requests = {
  method: 'POST',
  requests: sessionIds.map((id) => ({ path: '/storage/sessions', body: JSON.stringify({ id, agent_name: 'bench' }) })),
};

const putStates: Requests = {
  method: 'PUT',
  requests: sessionIds.map((id, index) => ({
    path: `/storage/state/${id}`,
    body: JSON.stringify({ data: makeValue(index, sessions) }),
  })),
};

const getStates: Requests = {
  method: 'GET',
  requests: sessionIds.map((id) => ({ path: `/storage/state/${id}` })),
};

const postMessages: Requests = {
  method: 'POST',
  requests: sessionIds.map((session_id, index) => ({
    path: '/storage/history',
    body: JSON.stringify({
      session_id,
      role: 'tool',
      content: JSON.stringify(makeValue(index, sessions)),
      metadata: {},
    }),
  })),
};

/** The same bodies to Fastify's one path. */
function withoutPaths({ method, requests }: Requests): Requests {
  return { method, requests: requests.map((request) => ({ ...request, path: '/' })) };
}

async function open(folder: string): Promise<Fixture> {
  const programs: Program[] = [];
  const load = startLoad();
  const close = async (): Promise<void> => {
    await load.stop();
    for (const program of programs) await program.stop();
  };
  const start = (path: string, env?: NodeJS.ProcessEnv): Promise<string> => {
    const program = startProgram(path, env);
    programs.push(program);
    return originOf(program);
  };
  try {
    const raw = await start(ownProgram('raw/fastify'));
    const vault = await start(programOf('@storage/vault'), {
      DB_PATH: join(folder, 'vault.sqlite'),
      HOST: '127.0.0.1',
      PORT: '0',
      LOG_LEVEL: 'INFO',
    });
    for (const requests of [createSessions, putStates]) {
      const side = await load.side({ origin: vault, connections, ...requests });
      await side.run(0, sessions);
    }
    return { load, raw, vault, close };
  } catch (error) {
    await close();
    throw error;
  }
}

function bench(name: string, about: string, requests: Requests): Omit<Bench<Fixture>, 'goal'> {
  return {
    name,
    concurrency: connections,
    about,
    stretch: 3,
    async sides({ load, raw, vault }) {
      return {
        raw: await load.side({ origin: raw, connections, ...withoutPaths(requests) }),
        ours: await load.side({ origin: vault, connections, ...requests }),
      };
    },
  };
}

export const vaultSuite: Suite = defineSuite(open, [
  { ...bench('vault.read', 'GET of the stored state of a session, 1 KB of JSON', getStates), goal: 0.7 },
  { ...bench('vault.write', 'PUT of the state of a session, 1 KB of JSON over what was there', putStates), goal: 0.6 },
  bench('vault.write.message', 'POST of a message of 1 KB to the history of a session', postMessages),
]);
