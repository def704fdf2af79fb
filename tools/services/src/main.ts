// `npm run services -- up|down|status|install [name…]`
import { parseArgs } from 'node:util';
import { isAbsent } from './acquire.ts';
import { askDaemon, connectRunning } from './client.ts';
import { installService } from './lease.ts';
import { urlVariable } from './recipes.ts';
import { type ServiceName, serviceNames } from './service.ts';

const usage = `npm run services -- <command> [name…]

  up       start servers and hold them until Ctrl-C or \`down\`; prints a line of NAME=url for each
  down     end servers, whoever uses them
  status   what runs, and how many use it
  install  put what local servers need into the cache

Names (missing: all): ${serviceNames.join(', ')}
`;

const say = (text: string): unknown => process.stderr.write(`${text}\n`);

/** Does `work` for all names side by side; answers how many failed, of which it tells. */
async function forEach(names: readonly ServiceName[], work: (name: ServiceName) => Promise<void>): Promise<number> {
  const done = await Promise.allSettled(
    names.map((name) =>
      work(name).catch((error: unknown) => {
        say(`${name}: ${(error as Error).message}`);
        throw error;
      }),
    ),
  );
  return done.filter(({ status }) => status === 'rejected').length;
}

/** Resolves when `down` or the end of the daemon took away all that came up. */
async function up(names: readonly ServiceName[]): Promise<number> {
  const held: Promise<void>[] = [];
  const failed = await forEach(names, async (name) => {
    const { connection, answer } = await askDaemon({ ask: 'lease', name }, (text) => say(`${name}: ${text}`));
    if (!('service' in answer)) throw new Error('The daemon answered something else.');
    if (isAbsent(answer.service)) throw new Error(`absent: ${answer.service.why}`);
    const { server, version, how, url } = answer.service;
    say(`${name}: ${server} ${version} (${how})`);
    process.stdout.write(`${urlVariable(name)}=${url}\n`);
    held.push(connection.closed);
  });
  if (held.length > 0) {
    say('Held until Ctrl-C or `npm run services -- down`.');
    // Connections alone do not keep this process.
    const stay = setInterval(() => undefined, 60_000);
    await Promise.all(held);
    clearInterval(stay);
  }
  return failed > 0 ? 1 : 0;
}

async function down(names: readonly ServiceName[]): Promise<number> {
  const connection = await connectRunning();
  await connection?.ask({ ask: 'down', names });
  await connection?.close();
  return 0;
}

async function status(names: readonly ServiceName[]): Promise<number> {
  const connection = await connectRunning();
  const answer = await connection?.ask({ ask: 'status' });
  await connection?.close();
  if (answer === undefined || !('status' in answer)) {
    process.stdout.write('No daemon of this state of the code runs.\n');
    return 0;
  }
  const { pid, own, shared } = answer.status;
  process.stdout.write(`The daemon is process ${pid}; ${own} servers of programs' own.\n`);
  for (const { name, leases, service } of shared.filter(({ name }) => names.includes(name))) {
    const state =
      service === undefined
        ? 'starting'
        : isAbsent(service)
          ? `absent: ${service.why}`
          : `${service.server} ${service.version} (${service.how}) ${service.url}`;
    process.stdout.write(`${name}: ${state}; leases: ${leases}\n`);
  }
  return 0;
}

async function install(names: readonly ServiceName[]): Promise<number> {
  const failed = await forEach(names, async (name) => {
    await installService(name, { onProgress: (text) => say(`${name}: ${text}`) });
    say(`${name}: installed`);
  });
  return failed > 0 ? 1 : 0;
}

const commands: Readonly<Record<string, (names: readonly ServiceName[]) => Promise<number>>> = {
  up,
  down,
  status,
  install,
};

async function main(args: readonly string[]): Promise<number> {
  const { positionals } = parseArgs({ args: [...args], allowPositionals: true, options: {} });
  const [command = '', ...asked] = positionals;
  const names = serviceNames.filter((name) => asked.length === 0 || asked.includes(name));
  const known: readonly string[] = serviceNames;
  if (commands[command] === undefined || asked.some((name) => !known.includes(name))) {
    say(usage);
    return 2;
  }
  return await commands[command](names);
}

process.exitCode = await main(process.argv.slice(2));
