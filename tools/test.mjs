// `npm test`: the tests of every project, then a table of what ran against what.
// Arguments go to Nx: `npm test -- -p @storage/core`. Without any, all servers are brought up before and held until the end.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { printTables, readReports } from './report-table.mjs';
import { bin, projects, root, run } from './workspace.mjs';

/** Leases every server that is to be had, side by side; answers how each was had, and what required ones are absent. */
async function holdServices() {
  if (run(bin('nx'), ['build', '@storage/services'], { stdio: ['ignore', 'ignore', 'inherit'] }) !== 0) {
    throw new Error('The services do not build; run `npx nx build @storage/services`.');
  }
  const services = await import(pathToFileURL(join(root, 'tools', 'services', 'dist', 'index.js')).href);
  return await Promise.all(
    services.serviceNames.map(async (name) => {
      const service = await services
        .leaseService(name, { onProgress: (text) => console.log(`${name}: ${text}`) })
        // A URL where nobody answers fails the tests that need it, and no others.
        .catch((error) => ({ name, how: 'absent', why: error.message, release: undefined }));
      const absent = service.how === 'absent';
      console.log(`${name}: ${absent ? `absent: ${service.why}` : `${service.version} (${service.how})`}`);
      return { service, missing: absent && services.isRequired(name) };
    }),
  );
}

const args = process.argv.slice(2);
const tested = projects().filter(({ targets }) => targets.includes('test'));

// A report that a crashed run left from before must not be taken for its result; Nx puts back
// what it replays from its cache.
for (const { folder } of tested) rmSync(join(folder, 'reports'), { recursive: true, force: true });

const held = args.length === 0 ? await holdServices() : [];
// What was tested against one version is not replayed for another, and what was absent not once it is there.
process.env.STORAGE_SERVICES_SEEN = held
  .map(({ service: { name, how, version = '' } }) => `${name} ${how} ${version}`)
  .join(', ');

const startedAt = Date.now();
const status = run(bin('nx'), ['run-many', '-t', 'test', ...args]);
await Promise.all(held.map(({ service }) => service.release?.()));

const reports = readReports(tested);
const reported = new Set(reports.map(({ project }) => project));
printTables(args.length === 0 ? tested : tested.filter(({ name }) => reported.has(name)), reports, startedAt);
const missing = held.filter((each) => each.missing).map(({ service }) => service.name);
if (missing.length > 0) console.error(`Required and absent: ${missing.join(', ')}`);
process.exitCode = missing.length > 0 ? 1 : status;
