// The background program that has the servers. Started by whoever asks first; see `client.ts`.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { report, runDaemon } from './daemon.ts';
import { claim, filledFolder, homeFolder, removeFolder } from './home.ts';
import { beginRecord, isAlive, keepRecord, sweep } from './run-record.ts';

/**
 * Takes the next number among the runs of this fingerprint. Only one program can have a number, and one that finds a living one
 * leaves the work to it: so there is one daemon, however many start at once.
 */
async function takeRun(prefix: string): Promise<string | undefined> {
  const runs = await homeFolder('run');
  const others = async (): Promise<number[]> => {
    const names = (await readdir(runs)).filter((name) => name.startsWith(prefix));
    return names.map((name) => Number(name.slice(prefix.length))).sort((a, b) => a - b);
  };
  for (;;) {
    const numbers = await others();
    if (numbers.some((number) => isAlive(join(runs, `${prefix}${number}`)))) return undefined;
    const mine = (numbers.at(-1) ?? 0) + 1;
    const filled = await filledFolder(runs, async (folder) => beginRecord(folder));
    const folder = join(runs, `${prefix}${mine}`);
    if (!(await claim(filled, folder))) {
      await removeFolder(filled);
      continue;
    }
    // Another may have taken a lower number after its owner removed it: the lower one stays.
    const lower = (await others()).filter((number) => number < mine);
    if (!lower.some((number) => isAlive(join(runs, `${prefix}${number}`)))) return folder;
    await removeFolder(folder);
    return undefined;
  }
}

const [fingerprint = ''] = process.argv.slice(2);
const folder = await takeRun(`${fingerprint}-`);
if (folder !== undefined) {
  const record = keepRecord(folder);
  // Orphans must not keep anybody from a server.
  const swept = sweep(report).catch(report);
  await runDaemon(record);
  await swept;
}
