import type { Service, ServiceName } from './service.ts';

/** How one server is had. One a file in `recipes/`, named in `recipes.ts`. Importing a recipe does nothing. */
export interface Recipe {
  readonly name: ServiceName;
  /** For people: `PostgreSQL`, `MinIO`. */
  readonly server: string;
  /** What a local start gives; missing: `local`. */
  readonly localHow?: 'other-engine' | 'engine-only' | 'stand-in';
  /** Asks a server at a URL (the user's, or one from Docker) who it is. Throws when it does not answer, without the URL in the message. */
  probe(url: string): Promise<Facts>;
  /** How to have it from `docker/compose.yaml`; missing: not from there. */
  readonly docker?: DockerRecipe;
  /** Why it can't be installed on this machine and what would mend it; `undefined` when it can. Quick: nothing is fetched. */
  missing(): Promise<string | undefined>;
  /**
   * Puts everything into the cache, pinned and checked by hashes, and answers how to start it from there. What is in the cache
   * already is not fetched again, so this is quick from the second time on. Two processes may do it at once.
   */
  install(cache: Cache): Promise<Starter>;
}

/** What is to be known of a server that answers. */
export type Facts = Pick<Service, 'version' | 'nodes'>;

export interface DockerRecipe {
  /** The services of the compose file to bring up; each has a health check, and is waited for. */
  readonly services: readonly string[];
  /** The URL to reach it by. `port` tells the loopback port that a service's own port was published on. */
  url(port: (service: string, containerPort: number) => Promise<number>): Promise<string>;
}

export interface Cache {
  /**
   * The folder of this name in the cache, readable by every user. When there is none, `build` fills an empty folder, which then
   * takes the name in one step; when `build` throws nothing stays. Put what is pinned into the name, so that another pin is
   * another folder (`pinned` in `install.ts` makes such names).
   */
  folder(name: string, build: (folder: string) => Promise<void>): Promise<string>;
  /** Tells those who wait what is being done: `building MinIO from source`. */
  progress(text: string): void;
}

/** Starts it and resolves when it answers. Called again with the same context after a stop or a kill: then with the data that is there. */
export type Starter = (context: StartContext) => Promise<Started>;

export interface StartContext {
  /** A folder of its own, empty at the first start, readable by every user; removed in the end. */
  readonly data: string;
  /** `true`: what is acknowledged survives a crash (fsync). `false`: as fast as can be, the data is thrown away in the end. */
  readonly durable: boolean;
  /** A free loopback port, the same for the same role over restarts. */
  port(role: string): Promise<number>;
  /** Starts a program with its output in the log. It is on record, and ended whatever happens. */
  spawn(command: string, args: readonly string[], options?: SpawnOptions): ServerProcess;
  /**
   * Asks until `probe` answers something (when it throws, it is asked again). Throws with the end of the log when a program of this
   * server ends or the time is over (missing: 60 s).
   */
  ready<Answer>(probe: () => Promise<Answer>, seconds?: number): Promise<Answer>;
  /** Called when everything has ended, before the data is removed. */
  atEnd(cleanUp: () => Promise<void>): void;
}

export interface SpawnOptions {
  /** Added to the environment of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Whom to run as; missing: as this process. `unprivileged()` in `process.ts` tells of one who is not root. */
  readonly account?: { readonly uid: number; readonly gid: number } | undefined;
  readonly cwd?: string;
  /** Ends it in good order, with its data; missing: SIGTERM. */
  readonly stop?: NodeJS.Signals;
  /** Ends it when nobody wants its data any more; missing: SIGKILL. */
  readonly discard?: NodeJS.Signals;
}

export interface ServerProcess {
  readonly pid: number;
  /** Whether it still runs. */
  readonly running: boolean;
}

/** A server that answers. */
export interface Started extends Facts {
  readonly url: string;
}
