import { type ChildProcess, fork } from 'node:child_process';
import type { Job, JobResult } from './mutant.ts';

/** The longest that one run of the kit may take. */
const limitMs = 120_000;

/** Worker processes that run the kit, a few at a time. */
export class Pool {
  readonly #program: string;
  readonly #idle: ChildProcess[] = [];
  readonly #waiting: ((worker: ChildProcess) => void)[] = [];
  readonly #all = new Set<ChildProcess>();
  readonly #size: number;

  constructor(program: string, size: number) {
    this.#program = program;
    this.#size = size;
  }

  async run(job: Job): Promise<JobResult> {
    const worker = await this.#take();
    let spent = false;
    try {
      return await ask(worker, job);
    } catch (error) {
      spent = true;
      throw error;
    } finally {
      if (spent) this.#discard(worker);
      else this.#release(worker);
    }
  }

  close(): void {
    for (const worker of this.#all) worker.kill();
  }

  #take(): Promise<ChildProcess> {
    const idle = this.#idle.pop();
    if (idle !== undefined) return Promise.resolve(idle);
    if (this.#all.size < this.#size) return Promise.resolve(this.#start());
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #start(): ChildProcess {
    const worker = fork(this.#program, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], execArgv: [] });
    this.#all.add(worker);
    return worker;
  }

  #release(worker: ChildProcess): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#idle.push(worker);
    else next(worker);
  }

  #discard(worker: ChildProcess): void {
    worker.kill('SIGKILL');
    this.#all.delete(worker);
    this.#waiting.shift()?.(this.#start());
  }
}

function ask(worker: ChildProcess, job: Job): Promise<JobResult> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      clearTimeout(timer);
      worker.off('message', onMessage);
      worker.off('exit', onExit);
    };
    const onMessage = (result: unknown): void => {
      end();
      resolve(result as JobResult);
    };
    const onExit = (code: number | null): void => {
      end();
      reject(new Error(`a worker ended with ${code}`));
    };
    const timer = setTimeout(() => {
      end();
      reject(new Error(`a worker took over ${limitMs} ms`));
    }, limitMs);
    worker.once('message', onMessage);
    worker.once('exit', onExit);
    worker.send(job);
  });
}
