import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, test } from '@jest/globals';
import { isAbsent } from './acquire.ts';
import { installService, isRequired, leaseService } from './lease.ts';
import { loadRecipe } from './recipes.ts';
import type { AbsentService, Service, ServiceName } from './service.ts';

export { dropSchemas, randomName, throughPort } from './own-schema.ts';
export { chromaPythonPath } from './recipes/chroma.ts';

/** Where the reports of this project's tests go; what makes the table reads them. */
const reports = 'reports';

async function reportAbsence(name: ServiceName, absence: AbsentService | undefined): Promise<void> {
  const file = join(reports, `absent-${name}.json`);
  if (absence === undefined) return await rm(file, { force: true });
  const { server, why } = absence;
  await mkdir(reports, { recursive: true });
  const report = { kind: 'absent', format: 1, service: name, server: { name: server, how: 'absent' }, why };
  await writeFile(file, `${JSON.stringify({ ...report, startedAt: new Date().toISOString() }, null, 2)}\n`);
}

/**
 * Registers the tests of `body` with Jest, on a server that is leased until the test file is over. Where it is absent one test
 * says so instead, which fails when `STORAGE_REQUIRE` names the server. Await it at the top of a test file.
 */
export async function onService(name: ServiceName, body: (service: Service) => void | Promise<void>): Promise<void> {
  const lease = await leaseService(name);
  if (isAbsent(lease)) return await registerAbsence(lease);
  await reportAbsence(name, undefined);
  try {
    await body(lease);
  } catch (error) {
    await lease.release();
    throw error;
  }
  // Given last: such hooks are called in order, and those of the tests still need the server.
  afterAll(() => lease.release());
}

/**
 * The same for tests that start servers of their own (`startOwn`): where no local install can be had, one test says so instead.
 */
export async function onOwnService(name: ServiceName, body: () => void | Promise<void>): Promise<void> {
  const why = await installService(name).then(
    () => undefined,
    (error: unknown) => (error as Error).message,
  );
  if (why === undefined) return await body();
  const { server } = await loadRecipe(name);
  registerTest({ name, server: `${server} of one's own`, how: 'absent', why });
}

async function registerAbsence(absence: AbsentService): Promise<void> {
  await reportAbsence(absence.name, absence);
  registerTest(absence);
}

function registerTest({ name, server, why }: AbsentService): void {
  test(`${server} is absent here: ${why}`, () => {
    if (isRequired(name)) throw new Error(`STORAGE_REQUIRE names ${name}, and it is absent: ${why}`);
  });
}
