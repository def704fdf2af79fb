// Does in an empty folder what the Vault's image does, and runs its command there with the image's environment:
// the health check's own command must pass, a session must be stored, and SIGTERM must end it cleanly.
// (Where there is no Docker, this is all that can be shown of the image; the base images are not.)
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root, run } from '../workspace.mjs';
import { temporaryFolder } from './pack.mjs';

const dockerfile = readFileSync(join(root, 'docker', 'Dockerfile'), 'utf8');
const instruction = (pattern) => {
  const found = pattern.exec(dockerfile)?.[1];
  if (found === undefined) throw new Error(`docker/Dockerfile has nothing like ${pattern}.`);
  return found;
};
const command = JSON.parse(instruction(/^CMD (\[.*\])$/m));
const healthCheck = JSON.parse(instruction(/^HEALTHCHECK .*CMD (\[.*\])$/m));
const environment = Object.fromEntries(
  instruction(/^ENV (NODE_ENV.*)$/m)
    .split(' ')
    .map((pair) => pair.split('=')),
);
instruction(/^(USER node)$/m);
instruction(/^(VOLUME \/data)$/m);
instruction(/^(EXPOSE 8084)$/m);

const freePort = () =>
  new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(String(port)));
    });
  });

const app = temporaryFolder('image');
if (run('sh', ['docker/assemble.sh', app]) !== 0) process.exit(1);

// Port and data folder are this machine's; the rest is the image's.
const port = await freePort();
const env = { PATH: process.env.PATH, ...environment, PORT: port, DB_PATH: join(app, 'data', 'storage.db') };
const vault = spawn(command[0], command.slice(1), { cwd: app, env, stdio: ['ignore', 'pipe', 'inherit'] });
let log = '';
vault.stdout.on('data', (chunk) => {
  log += chunk;
});
const ended = new Promise((resolve) => vault.once('exit', (code, signal) => resolve(code ?? signal)));

const healthy = () => spawnSync(healthCheck[0], healthCheck.slice(1), { cwd: app, env }).status === 0;
const within = async (ms, holds) => {
  for (const deadline = Date.now() + ms; Date.now() < deadline; await sleep(200)) if (holds()) return true;
  return false;
};

try {
  if (!(await within(20_000, healthy))) throw new Error('The health check does not pass.');
  const answer = await fetch(`http://127.0.0.1:${port}/storage/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ agent_name: 'image', user_id: 'check' }),
  });
  if (!answer.ok) throw new Error(`A session is answered with ${answer.status}: ${await answer.text()}`);
  vault.kill('SIGTERM');
  const code = await Promise.race([ended, sleep(15_000, 'nothing', { ref: false })]);
  if (code !== 0) throw new Error(`SIGTERM ended it with ${code}.`);
  if (healthy()) throw new Error('The health check passes with nothing running.');
  console.log('assembled, healthy, stored a session, ended: ok');
} catch (error) {
  console.error(log);
  console.error(error);
  process.exitCode = 1;
} finally {
  vault.kill('SIGKILL');
}
