/** A driver's client: one that a backend made itself, or one that it was given. */
export interface ClientHolder<Client> {
  /** Whether `close` closes it. */
  readonly owned: boolean;
  /** The client, made at first use; uses at the same time share it. After a failure the next use tries again. */
  get(): Promise<Client>;
  /** The client if it is there already. */
  peek(): Client | undefined;
  /** Closes an owned client, if one was made. Safe to call twice; a later `get` makes a new one. */
  close(): Promise<void>;
}

class OwnedClient<Client> implements ClientHolder<Client> {
  readonly owned = true;
  readonly #make: () => Client | Promise<Client>;
  readonly #close: (client: Client) => void | Promise<void>;
  #making: Promise<Client> | undefined;
  #client: Client | undefined;

  constructor(make: () => Client | Promise<Client>, close: (client: Client) => void | Promise<void>) {
    this.#make = make;
    this.#close = close;
  }

  get(): Promise<Client> {
    this.#making ??= this.#start();
    return this.#making;
  }

  async #start(): Promise<Client> {
    try {
      this.#client = await this.#make();
      return this.#client;
    } catch (error) {
      this.#making = undefined;
      throw error;
    }
  }

  peek(): Client | undefined {
    return this.#client;
  }

  async close(): Promise<void> {
    const making = this.#making;
    if (making === undefined) return;
    // One that could not be made needs no closing: whoever asked for it has heard why.
    await making.catch(() => undefined);
    const client = this.#client;
    if (this.#making !== making || client === undefined) return;
    this.#making = undefined;
    this.#client = undefined;
    await this.#close(client);
  }
}

/** A client that the backend makes when it is first needed, and closes. */
export function ownedClient<Client>(
  make: () => Client | Promise<Client>,
  close: (client: Client) => void | Promise<void>,
): ClientHolder<Client> {
  return new OwnedClient(make, close);
}

/** A client that the user made, and closes. */
export function injectedClient<Client>(client: Client): ClientHolder<Client> {
  return { owned: false, get: () => Promise.resolve(client), peek: () => client, close: () => Promise.resolve() };
}
