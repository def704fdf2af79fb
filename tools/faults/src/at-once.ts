import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** How long a process may take to load before both begin. */
const loadingMs = 4000;

/**
 * Has two processes, which begin at the same moment, open a store of each name, store `a` and close it. Answers how many each opened;
 * rejects when one of them fails.
 */
export async function inTwoProcesses(module: {
  /** `import` statements, of file URLs. */
  readonly imports: string;
  /** Makes the backend: an expression over `name` and `process.env`. */
  readonly create: string;
  readonly names: readonly string[];
  readonly env?: { readonly [name: string]: string };
}): Promise<readonly number[]> {
  const { imports, create, names, env = {} } = module;
  const code = `${imports}
    await new Promise((resolve) => setTimeout(resolve, Math.max(0, ${Date.now() + loadingMs} - Date.now())));
    let opened = 0;
    for (const name of ${JSON.stringify(names)}) {
      const backend = ${create};
      await backend.open();
      await backend.records.store('a', { a: 1 });
      await backend.close();
      opened++;
    }
    process.stdout.write(String(opened));`;
  const args = ['--conditions=@storage/source', '--import', 'tsx', '--input-type=module', '--eval', code];
  const run = async (): Promise<number> => {
    const options = { env: { ...process.env, NODE_OPTIONS: '', ...env } };
    return Number((await promisify(execFile)(process.execPath, args, options)).stdout);
  };
  return Promise.all([run(), run()]);
}

/** What one of many writers does next: batches overlap with those of the others, and name some keys twice. */
export interface CrowdBatch {
  readonly writer: number;
  /** Counts up, from another number for each writer: what to do, modulo the ways there are. */
  readonly turn: number;
  readonly keys: readonly string[];
  readonly items: readonly { readonly key: string; readonly data: { readonly group: number; readonly turn: number } }[];
}

const writers = 64;

/** Lets 64 writers work for some seconds. Rejects with the first failure; answers how many batches there were. */
export async function crowd(work: (batch: CrowdBatch) => Promise<void>, ms: number = 4000): Promise<number> {
  const end = performance.now() + ms;
  let batches = 0;
  const write = async (writer: number): Promise<void> => {
    for (let turn = writer; performance.now() < end; turn++) {
      const keys = Array.from({ length: 20 }, () => `key-${Math.floor(Math.random() * 200)}`);
      const items = keys.map((key) => ({ key, data: { group: writer % 3, turn } }));
      await work({ writer, turn, keys, items });
      batches++;
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  return batches;
}
